# A shop behind ten servers with 15 tools each. SERVER is the name of the one that this is.
KINDS = {
    "products": ["product", "category", "price"],
    "inventory": ["stock_item", "warehouse", "transfer"],
    "orders": ["order", "order_line", "invoice"],
    "payments": ["payment", "payout", "dispute"],
    "shipping": ["shipment", "carrier", "label"],
    "customers": ["customer", "address", "segment"],
    "marketing": ["campaign", "coupon", "newsletter"],
    "reviews": ["review", "question", "reply"],
    "returns": ["return", "refund", "inspection"],
    "analytics": ["report", "metric", "dashboard"],
}
STATES = ["active", "pending", "closed", "failed"]
COUNT = 60


def plural(kind):
    return kind[:-1] + "ies" if kind.endswith("y") else kind + ("es" if kind.endswith(("s", "x")) else "s")


def tools():
    text, number = {"type": "string"}, {"type": "integer", "minimum": 1}
    listed = []
    for kind in KINDS[SERVER]:
        about, many = kind.replace("_", " "), plural(kind)
        identity = {f"{kind}_id": {"type": "string", "description": f"The identifier of the {about}"}}
        fields = {
            "name": {"type": "string", "description": f"A name for people, at most 80 characters"},
            "status": {"type": "string", "enum": STATES},
            "customer_id": {"type": "string", "description": "Whose it is"},
            "product_id": {"type": "string", "description": "What it is about"},
            "amount": {"type": "number", "minimum": 0, "description": "In EUR"},
            "note": text,
        }
        page = {"limit": number | {"maximum": 100, "default": 20}, "cursor": {"type": "string", "description": "From next_cursor of the page before"}, "status": {"type": "string", "enum": STATES}, "customer_id": {"type": "string", "description": "Only those of this customer"}}
        schema = lambda properties, required: {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
        listed += [
            {"name": f"list_{many}", "description": f"Lists {plural(about)}, newest first, page by page. Archived ones are left out unless asked for by status.", "inputSchema": schema(page, [])},
            {"name": f"get_{kind}", "description": f"Returns one {about} with all its fields.", "inputSchema": schema(identity, [f"{kind}_id"])},
            {"name": f"create_{kind}", "description": f"Creates a {about}. Returns it with its identifier.", "inputSchema": schema(fields, ["name"])},
            {"name": f"update_{kind}", "description": f"Changes fields of a {about}; what is left out stays as it is.", "inputSchema": schema(identity | fields, [f"{kind}_id"])},
            {"name": f"delete_{kind}", "description": f"Deletes a {about}. This cannot be undone.", "inputSchema": schema(identity, [f"{kind}_id"])},
        ]
    return listed


def record(kind, n):
    return {"id": f"{kind}_{n:04}", "name": f"{kind.replace('_', ' ').title()} {n}", "status": STATES[n % 4], "customer_id": f"customer_{n * 7 % 23:04}", "product_id": f"product_{n * 3 % COUNT:04}", "amount": n * 317 % 2_000 / 10, "quantity": n * 7 % 25, "reorder_level": 10, "rating": 1 + n * 3 % 5, "carrier": ["DHL", "UPS", "GLS"][n % 3], "country": ["DE", "FR", "NL"][n % 3], "email": f"person{n}@example.org", "created_at": f"2026-11-{1 + n % 28:02}T10:00:00Z", "updated_at": f"2026-11-{1 + n % 28:02}T12:00:00Z", "note": f"Imported from the old system with reference {n * 7919}."}


def listing(kind):
    def answer(limit=20, cursor=None, status=None, customer_id=None):
        found = [record(kind, n) for n in range(COUNT)]
        found = [one for one in found if status in (None, one["status"]) and customer_id in (None, one["customer_id"])]
        start = int(cursor or 0)
        end = start + int(limit)
        return {"items": found[start:end], "total": len(found), "next_cursor": str(end) if end < len(found) else None}

    return answer


def one(kind, found=None):
    return lambda **fields: record(kind, int(fields[f"{kind}_id"][-4:])) if f"{kind}_id" in fields else record(kind, 99) | fields


for kind in KINDS.get(SERVER, []):
    globals()[f"list_{plural(kind)}"] = listing(kind)
    for verb in ("get", "create", "update"):
        globals()[f"{verb}_{kind}"] = one(kind)
    globals()[f"delete_{kind}"] = lambda **_: {"deleted": True}
