# finds: 3 not-imported, 4 not-imported, 5 unknown-server
rows = sqlite.read_query(query="SELECT payload FROM events")
parsed = [json.loads(row["payload"]) for row in rows]
matches = [re.search("id=([0-9]+)", p["url"]) for p in parsed]
frame = pd.DataFrame(parsed)
result = [m[1] for m in matches if m]
