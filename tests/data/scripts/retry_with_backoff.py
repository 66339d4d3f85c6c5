# tools: fetch.fetch
import functools
import random
import time


def retry(attempts=4, base=0.2, errors=(ToolError, TimeoutError)):
    """Retries with exponential backoff and jitter."""

    def decorate(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            for attempt in range(1, attempts + 1):
                try:
                    return function(*args, **kwargs)
                except errors as e:
                    if attempt == attempts:
                        raise
                    delay = base * 2 ** (attempt - 1) + random.uniform(0, 0.1)
                    print(f"{function.__name__}: {type(e).__name__}: {e}; again in {delay:.2f}s")
                    time.sleep(delay)

        return wrapper

    return decorate


@retry(attempts=3)
def page(url: str) -> str:
    return fetch.fetch(url=url, max_length=20000)


pages, failed = {}, {}
for url in ["https://example.com/", "https://example.com/changelog", "https://example.com/missing"]:
    try:
        text = page(url)
    except Exception as exc:
        failed[url] = f"{exc.__class__.__name__}: {exc}"
    else:
        pages[url] = len(text)
    finally:
        print(f"done with {url}")

result = {"sizes": pages, "failed": failed}
