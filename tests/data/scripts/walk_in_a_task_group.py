# tools: filesystem.list_directory, filesystem.read_text_file
import asyncio
from collections.abc import AsyncIterator, Sequence

SEM = asyncio.Semaphore(8)


async def fetch_file(path: str) -> tuple[str, str | None]:
    async with SEM:
        try:
            content = await filesystem.read_text_file(path=path, head=50)
        except ToolError as e:
            print(f"! {path}: {e.message}")
            return path, None
        else:
            return path, content
        finally:
            print(f"finished {path!r}")


async def walk(root: str, *, depth: int = 3) -> AsyncIterator[str]:
    if depth < 0:
        return
    listing = await filesystem.list_directory(path=root)
    for line in str(listing).splitlines():
        kind, _, name = line.partition(" ")
        match kind.strip("[]"):
            case "FILE" if name.endswith((".py", ".md")):
                yield f"{root}/{name}"
            case "DIR" if not name.startswith("."):
                async for inner in walk(f"{root}/{name}", depth=depth - 1):
                    yield inner
            case _:
                pass


async def main(root: str = "/projects") -> dict[str, int]:
    paths = [p async for p in walk(root)]
    async with asyncio.TaskGroup() as tg:
        tasks = {p: tg.create_task(fetch_file(p), name=p) for p in paths}
    return {p: len((t.result()[1] or "").splitlines()) for p, t in tasks.items()}


if __name__ == "__main__":
    result = asyncio.run(main())
