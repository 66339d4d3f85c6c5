# Search, as the Elasticsearch server answers.
def list_indices(indexPattern):
    return [{"index": name, "health": "green", "status": "open", "docsCount": "120034"} for name in ("logs-app", "logs-web", "products")]


def get_mappings(index):
    return f"Mappings for index: {index}\n" + '{"properties": {"@timestamp": {"type": "date"}, "level": {"type": "keyword"}, "service": {"type": "keyword"}, "message": {"type": "text"}, "duration_ms": {"type": "long"}}}'


def search(index, queryBody, **_):
    return {"hits": {"total": {"value": 300}, "hits": [{"_id": str(n), "_source": {"@timestamp": f"2026-11-29T10:{n % 60:02}:00Z", "level": ["error", "warn"][n % 2], "service": ["auth", "mail", "search"][n % 3], "message": f"request {n} failed after a long wait for the database", "duration_ms": n * 37 % 900}} for n in range(int(queryBody.get("size", 10)))]}}
