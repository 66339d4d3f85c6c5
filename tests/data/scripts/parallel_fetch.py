# tools: fetch.fetch
import asyncio
import hashlib
from urllib.parse import urljoin, urlparse

BASE = "https://docs.example.com/"
PATHS = ["intro", "install", "guide/first-steps", "guide/errors", "reference"]


async def fetch_one(semaphore: asyncio.Semaphore, path: str) -> tuple[str, str | None, str]:
    url = urljoin(BASE, path)
    async with semaphore:
        try:
            async with asyncio.timeout(20):
                text = await fetch.fetch(url=url, max_length=50_000)
        except TimeoutError:
            return path, None, "timed out"
        except ToolError as e:
            return path, None, e.message
    return path, text, "ok"


async def main():
    semaphore = asyncio.Semaphore(3)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(fetch_one(semaphore, path)) for path in PATHS]
    rows = []
    for path, text, status in (task.result() for task in tasks):
        digest = hashlib.sha256(text.encode()).hexdigest()[:12] if text else None
        rows.append({"path": path, "host": urlparse(BASE).netloc, "status": status, "digest": digest})
    return rows


if __name__ == "__main__":
    result = asyncio.run(main())
