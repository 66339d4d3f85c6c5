import json

rows = [{"id": n, "name": f"Contact {n}", "tags": ["a", "b"], "score": n / 7, "open": n % 2 == 0} for n in range(2_000)]
for _ in range(10):
    text = json.dumps(rows)
    rows = json.loads(text)
result = len(text)
