# Documents: one of them is the transcript of a long meeting.
def tools():
    text = {"type": "string"}
    return [
        {"name": "get_document", "description": "Retrieves a document from Drive with its whole content.", "inputSchema": {"type": "object", "properties": {"documentId": text, "fields": {"type": "string", "description": "Which fields to return"}}, "required": ["documentId"]}},
        {"name": "get_sheet", "description": "Retrieves the rows of a spreadsheet.", "inputSchema": {"type": "object", "properties": {"sheetId": text}, "required": ["sheetId"]}},
        {"name": "search_files", "description": "Finds files by name or content.", "inputSchema": {"type": "object", "properties": {"query": text}, "required": ["query"]}},
        {"name": "share_file", "description": "Shares a file with somebody.", "inputSchema": {"type": "object", "properties": {"fileId": text, "email": text, "role": {"type": "string", "enum": ["reader", "writer"]}}, "required": ["fileId", "email"]}},
    ]


def get_document(documentId, fields=None):
    return "\n".join(f"[00:{n // 60:02}:{n % 60:02}] {['Ada', 'Bo', 'Customer'][n % 3]}: about point {n}, we said that the rollout of module {n % 17} would begin in week {n % 40 + 1} and that the price stays at {n * 13 % 700} EUR a seat, unless the number of seats changes." for n in range(1500))


def get_sheet(sheetId):
    return {"rows": [[f"Account {n}", ["open", "won"][n % 2], n * 137 % 9000] for n in range(400)]}


def search_files(query):
    return [{"id": f"doc-{n}", "name": f"{query} {n}", "modified": "2026-11-20"} for n in range(20)]


def share_file(fileId, email, role="reader"):
    return f"Shared {fileId} with {email} as {role}"
