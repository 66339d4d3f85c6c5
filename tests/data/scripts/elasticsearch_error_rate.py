# tools: elasticsearch.list_indices, elasticsearch.search
from datetime import date, timedelta


def bucket_query(day: date) -> dict:
    return {
        "size": 0,
        "query": {"range": {"@timestamp": {"gte": f"{day}", "lt": f"{day + timedelta(days=1)}"}}},
        "aggs": {"levels": {"terms": {"field": "level.keyword", "size": 10}}},
    }


indices = elasticsearch.list_indices(indexPattern="logs-*")
names = sorted(i["index"] for i in indices) if isinstance(indices, list) else ["logs-app"]
latest = names[-1]

rows = []
for back in range(7, 0, -1):
    day = date.today() - timedelta(days=back)
    answer = elasticsearch.search(index=latest, queryBody=bucket_query(day))
    buckets = answer.get("aggregations", {}).get("levels", {}).get("buckets", []) if isinstance(answer, dict) else []
    counts = {b["key"].upper(): b["doc_count"] for b in buckets}
    total = sum(counts.values())
    errors = counts.get("ERROR", 0) + counts.get("FATAL", 0)
    rate = errors / total if total else 0.0
    rows.append((day.isoformat(), total, errors, rate))
    print(f"{day:%a %d.%m.} total={total:>8,} errors={errors:>6,} {rate:>7.2%} {"!" if rate > 0.01 else ""}")

result = [dict(zip(("day", "total", "errors", "rate"), row)) for row in rows]
