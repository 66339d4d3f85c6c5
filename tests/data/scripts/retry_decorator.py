# tools: github.get_issue
import asyncio
import functools
import logging
import random
from typing import Any, Awaitable, Callable, ParamSpec, TypeVar
P = ParamSpec("P")
T = TypeVar("T")
logger = logging.getLogger(__name__)
logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")


def with_retry(
    attempts: int = 3,
    *,
    base: float = 0.1,
    retry_on: tuple[type[BaseException], ...] = (ToolUnavailable, ToolTimeout),
):
    """Retry an async function with exponential backoff."""
    def decorator(func: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
        @functools.wraps(func)
        async def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
            for attempt in range(1, attempts + 1):
                try:
                    return await func(*args, **kwargs)
                except retry_on as exc:
                    if attempt == attempts:
                        logger.error("%s failed after %d attempts: %s", func.__name__, attempts, exc)
                        raise
                    delay = base * 2 ** (attempt - 1) + random.uniform(0, base)
                    logger.warning("attempt %d of %s failed (%s)", attempt, func.__qualname__, type(exc).__name__)
                    await asyncio.sleep(delay)
            raise RuntimeError("unreachable")
        return wrapper
    return decorator


@with_retry(attempts=4)
async def get_issue(number: int) -> dict[str, Any]:
    return await github.get_issue(owner="acme", repo="widgets", issue_number=number)


async def main() -> list[dict]:
    issues = await asyncio.gather(*(get_issue(n) for n in range(1, 6)), return_exceptions=True)
    ok = [i for i in issues if not isinstance(i, BaseException)]
    failed = [repr(i) for i in issues if isinstance(i, BaseException)]
    return [{"ok": len(ok), "failed": failed}]


result = asyncio.run(main())
