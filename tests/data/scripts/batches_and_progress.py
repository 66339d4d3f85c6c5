# tools: mongodb.find, mongodb.update-many
import math
import uuid
from itertools import batched, count

run = uuid.uuid4().hex[:8]
users = mongodb.find(
    connectionId="main",
    database="shop",
    collection="users",
    filter={"email": {"$regex": "@OLD\\.example\\.com$", "$options": "i"}},
    projection={"_id": 1, "email": 1},
    limit=1000,
)
size = 50
batches = list(batched(users, size))
print(f"[{run}] {len(users)} users in {math.ceil(len(users) / size)} batches")

changed, failures = 0, []
for number, batch in zip(count(1), batches):
    ids = [u["_id"] for u in batch]
    try:
        answer = mongodb.update_many(
            connectionId="main",
            database="shop",
            collection="users",
            filter={"_id": {"$in": ids}},
            update={"$set": {"flagged": True, "run": run}},
        )
    except (ToolError, TimeoutError) as e:
        failures.append({"batch": number, "error": f"{type(e).__name__}: {e}"})
        if len(failures) > 3:
            print("too many failures, stopping")
            break
        continue
    changed += answer.get("modifiedCount", 0) if isinstance(answer, dict) else 0
    print(f"[{run}] {number}/{len(batches)} {changed / max(len(users), 1):.0%}")

result = {"run": run, "changed": changed, "failures": failures}
