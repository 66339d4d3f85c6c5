# tools: notion.API-get-block-children, notion.API-post-search
def paginate(call, **arguments):
    """All results of a paginated Notion endpoint."""
    cursor = None
    while True:
        page = call(**arguments, **({"start_cursor": cursor} if cursor else {}))
        yield from page.get("results", [])
        cursor = page.get("next_cursor")
        if not page.get("has_more"):
            return


def plain(rich_text) -> str:
    return "".join(part.get("plain_text", "") for part in rich_text or [])


def title(page) -> str:
    for prop in page.get("properties", {}).values():
        if prop.get("type") == "title":
            return plain(prop["title"])
    return "(untitled)"


outline = {}
for page in paginate(notion.API_post_search, query="roadmap", filter={"property": "object", "value": "page"}, page_size=50):
    headings = []
    for block in paginate(notion.API_get_block_children, block_id=page["id"], page_size=100):
        kind = block["type"]
        if kind.startswith("heading_"):
            level = int(kind[-1])
            headings.append("  " * (level - 1) + plain(block[kind]["rich_text"]))
    outline[title(page)] = headings

for name, headings in outline.items():
    print(f"{name}\n{'-' * len(name)}")
    print("\n".join(headings) or "(no headings)")
result = outline
