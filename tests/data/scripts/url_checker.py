# tools: fetch.fetch, notion.API-retrieve-page-markdown
import re
import traceback
from contextlib import suppress
from urllib.parse import urlsplit

page = notion.API_retrieve_page_markdown(page_id="1f0c2e7a9b3d4c5e8f6a7b8c9d0e1f2a")
markdown = page["markdown"] if isinstance(page, dict) and "markdown" in page else str(page)
links = {m.group("url"): m["text"] for m in re.finditer(r"\[(?P<text>[^\]]*)\]\((?P<url>https?://[^)\s]+)\)", markdown)}

broken, skipped = [], set()
for url, text in links.items():
    host = urlsplit(url).hostname or ""
    if host.endswith((".internal", ".local")):
        skipped.add(host)
        continue
    try:
        head = fetch.fetch(url=url, max_length=200)
        if "404" in head.split("\n", 1)[0]:
            broken.append((url, text, "404"))
    except ToolDenied:
        raise
    except Exception as error:
        broken.append((url, text, str(error).splitlines()[0]))
        print(traceback.format_exc(limit=1))

with suppress(ValueError, KeyError):
    skipped.remove("wiki.internal")

result = {"checked": len(links) - len(skipped), "broken": [dict(url=u, text=t, why=w) for u, t, w in broken]}
