# A large public interface as tools: 125 resources with 20 operations each.
AREAS = ["zone", "account", "user", "worker", "bucket", "queue", "stream", "firewall", "tunnel", "gateway", "policy", "certificate", "domain", "image", "video", "page", "dataset", "member", "role", "token", "alert", "webhook", "monitor", "pool", "dashboard"]
PARTS = ["", "_rule", "_setting", "_group", "_job"]
VERBS = ["list", "get", "create", "update", "replace", "delete", "enable", "disable", "export", "import", "search", "count", "archive", "restore", "validate", "copy", "tag", "untag", "lock", "unlock"]


def tools():
    listed = []
    for area in AREAS:
        for part in PARTS:
            kind = area + part
            about = kind.replace("_", " ")
            for verb in VERBS:
                properties = {
                    "account_id": {"type": "string", "maxLength": 32, "description": "Identifier of the account"},
                    f"{kind}_id": {"type": "string", "maxLength": 36, "description": f"Identifier of the {about}"},
                    "page": {"type": "integer", "minimum": 1, "default": 1, "description": "Page number of paginated results"},
                    "per_page": {"type": "integer", "minimum": 5, "maximum": 100, "default": 20, "description": "Number of results on a page"},
                    "name": {"type": "string", "description": f"Name of the {about}"},
                    "enabled": {"type": "boolean", "description": f"Whether the {about} is in force"},
                    "comment": {"type": "string", "maxLength": 500, "description": "Remarks for people; they have no effect"},
                }
                many = verb in ("list", "search", "export", "count")
                keep = ["account_id", "page", "per_page", "name"] if many else ["account_id", f"{kind}_id", "name", "enabled", "comment"] if verb in ("create", "update", "replace") else ["account_id", f"{kind}_id"]
                required = ["account_id"] + ([] if many or verb in ("create", "import") else [f"{kind}_id"])
                listed.append({"name": f"{verb}_{kind}", "description": f"{verb.title()} {about}: {'all ' + about + 's of an account, page by page' if many else 'one ' + about + ' of an account'}. Needs the permission {kind.title()}:{'Read' if many or verb == 'get' else 'Edit'}.", "inputSchema": {"type": "object", "properties": {key: properties[key] for key in keep if key in properties}, "required": [key for key in required if key in keep]}})
    return listed


def default(tool, arguments):
    verb, _, kind = tool.partition("_")
    row = lambda n: {"id": f"{kind}-{n:04}", "name": f"{kind} {n}", "enabled": n % 3 != 0, "created_on": f"2026-11-{1 + n % 28:02}", "comment": "made by the console", "meta": {"auto_added": False, "source": "primary"}}
    if verb in ("list", "search", "export"):
        page, size = int(arguments.get("page", 1)), int(arguments.get("per_page", 20))
        return {"success": True, "errors": [], "result": [row(n) for n in range((page - 1) * size, min(page * size, 90))], "result_info": {"page": page, "per_page": size, "total_count": 90}}
    return {"success": True, "errors": [], "result": row(int(str(arguments.get(f"{kind}_id", "0"))[-4:] or 0))}
