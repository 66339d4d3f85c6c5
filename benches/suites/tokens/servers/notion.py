# Notion as its server answers: compact JSON of the public interface as text.
PEOPLE = ["Ada Berg", "Bo Chen", "Chen Ito", "Dina Kaya"]
STATES = ["Not started", "In progress", "Done"]
TOPICS = "Roadmap Onboarding Hiring Security Pricing Incident Retrospective Budget Launch Support".split()


def rid(n):
    return f"{n:08x}-1111-4222-8333-{n * 7919:012x}"


def rich(text):
    return [{"type": "text", "text": {"content": text, "link": None}, "annotations": {"bold": False, "italic": False, "strikethrough": False, "underline": False, "code": False, "color": "default"}, "plain_text": text, "href": None}]


def user(n):
    return {"object": "user", "id": rid(900 + n), "name": PEOPLE[n % 4], "avatar_url": None, "type": "person", "person": {"email": PEOPLE[n % 4].split()[0].lower() + "@acme.example"}}


def page(n):
    return {
        "object": "page", "id": rid(n), "created_time": f"2026-0{1 + n % 9}-1{n % 9}T09:00:00.000Z", "last_edited_time": f"2026-11-{1 + n % 28:02}T10:00:00.000Z",
        "created_by": {"object": "user", "id": rid(900 + n % 4)}, "last_edited_by": {"object": "user", "id": rid(901)}, "cover": None, "icon": None,
        "parent": {"type": "data_source_id", "data_source_id": rid(500), "database_id": rid(499)}, "archived": False, "in_trash": False,
        "properties": {
            "Name": {"id": "title", "type": "title", "title": rich(f"{TOPICS[n % 10]} {n}")},
            "Status": {"id": "st", "type": "status", "status": {"id": f"s{n % 3}", "name": STATES[n % 3], "color": "blue"}},
            "Owner": {"id": "ow", "type": "people", "people": [user(n)]},
            "Points": {"id": "pt", "type": "number", "number": n * 3 % 13},
            "Due": {"id": "du", "type": "date", "date": {"start": f"2026-12-{1 + n % 28:02}", "end": None, "time_zone": None}},
        },
        "url": f"https://www.notion.so/{TOPICS[n % 10]}-{n}", "public_url": None,
    }


def listed(items, start_cursor=None, page_size=100):
    start = int(start_cursor or 0)
    end = start + int(page_size or 100)
    more = end < len(items)
    return {"object": "list", "results": items[start:end], "next_cursor": str(end) if more else None, "has_more": more, "type": "page_or_data_source", "request_id": rid(1)}


def API_post_search(query="", start_cursor=None, page_size=20, **_):
    pages = [page(n) for n in range(60)]
    found = [one for one in pages if query.lower() in one["properties"]["Name"]["title"][0]["plain_text"].lower()]
    source = {"object": "data_source", "id": rid(500), "title": rich("Projects"), "properties": {}, "url": "https://www.notion.so/projects", "parent": {"type": "database_id", "database_id": rid(499)}}
    return listed([source] + found if query.lower() in "projects" else found, start_cursor, page_size)


def API_query_data_source(data_source_id, start_cursor=None, page_size=100, filter=None, **_):
    return listed([page(n) for n in range(60)], start_cursor, page_size)


def API_retrieve_a_page(page_id, **_):
    return page(int(page_id[:8], 16))


def API_get_block_children(block_id, start_cursor=None, page_size=100):
    n = int(block_id[:8], 16)
    block = lambda k: {"object": "block", "id": rid(n * 100 + k), "parent": {"type": "page_id", "page_id": block_id}, "has_children": False, "archived": False,
                       "type": "to_do" if k % 3 == 0 else "paragraph",
                       ("to_do" if k % 3 == 0 else "paragraph"): {"rich_text": rich(f"Point {k}: {TOPICS[k % 10].lower()} needs an owner and a date before the next review."), "color": "default"} | ({"checked": k % 2 == 0} if k % 3 == 0 else {})}
    return listed([block(k) for k in range(40)], start_cursor, page_size)


def API_get_users(**_):
    return listed([user(n) for n in range(4)])


def API_patch_page(page_id, **changes):
    return page(int(page_id[:8], 16))


def API_post_page(parent, properties, **_):
    return page(61)


def API_create_a_comment(parent, rich_text, **_):
    return {"object": "comment", "id": rid(800), "parent": parent, "rich_text": rich_text, "created_time": "2026-11-29T10:00:00.000Z"}


def API_retrieve_page_markdown(page_id, **_):
    return {"object": "page_markdown", "id": page_id, "markdown": "# Notes\n\n" + "\n".join(f"- {TOPICS[k % 10]}: decided by {PEOPLE[k % 4]} on 2026-11-{1 + k % 28:02}, budget {k * 137 % 900} EUR" for k in range(80)), "truncated": False}


def API_patch_block_children(block_id, children, **_):
    return listed(children)


def API_retrieve_a_comment(block_id, **_):
    texts = ["Who takes this?", "I do.", "Thanks!"]
    return listed([{"object": "comment", "id": rid(810 + k), "parent": {"type": "page_id", "page_id": block_id}, "discussion_id": rid(820), "created_time": "2026-11-20T10:00:00.000Z",
                    "last_edited_time": "2026-11-20T10:00:00.000Z", "created_by": {"object": "user", "id": rid(900 + k)}, "rich_text": rich(text)} for k, text in enumerate(texts)])


def API_retrieve_a_data_source(data_source_id):
    properties = {name: {"id": one["id"], "name": name, "type": one["type"], one["type"]: {}} for name, one in page(0)["properties"].items()}
    return {"object": "data_source", "id": data_source_id, "title": rich("Projects"), "properties": properties, "parent": {"type": "database_id", "database_id": rid(499)}, "url": "https://www.notion.so/projects"}


def API_update_page_markdown(page_id, type, **_):
    return API_retrieve_page_markdown(page_id)
