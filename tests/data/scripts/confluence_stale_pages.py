# tools: atlassian.confluence_get_page_views, atlassian.confluence_search
import asyncio
from typing import TypedDict


class Page(TypedDict):
    id: str
    title: str
    views: int


async def views(page: dict) -> Page:
    answer = await atlassian.confluence_get_page_views(page_id=page["id"])
    total = answer.get("total_views", 0) if isinstance(answer, dict) else 0
    return {"id": page["id"], "title": page["title"], "views": int(total)}


async def main() -> list[Page]:
    cql = 'space = "ENG" AND type = page AND lastModified < now("-52w")'
    pages = await atlassian.confluence_search(query=cql, limit=50)
    results = await asyncio.gather(*[views(p) for p in pages], return_exceptions=True)
    good = [r for r in results if not isinstance(r, BaseException)]
    for bad in (r for r in results if isinstance(r, BaseException)):
        print(f"skipped: {bad!r}")
    return sorted(good, key=lambda p: p["views"])


stale = asyncio.run(main())
print("\n".join(f"{p['views']:>6} {p['title']}" for p in stale[:15]))
result = [p["id"] for p in stale if p["views"] == 0]
