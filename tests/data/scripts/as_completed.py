# tools: elasticsearch.get_mappings, elasticsearch.get_shards
import asyncio


async def mapping(index):
    return index, await elasticsearch.get_mappings(index=index)


async def run(indices: list[str]) -> dict[str, int]:
    fields = {}
    pending = {asyncio.create_task(mapping(index), name=index) for index in indices}
    for finished in asyncio.as_completed(pending, timeout=60):
        index, answer = await finished
        properties = answer.get(index, answer).get("mappings", {}).get("properties", {})
        fields[index] = len(properties)
    return fields


indices = ["logs-app", "logs-web", "metrics", "traces"]
shards = elasticsearch.get_shards()
counts = asyncio.get_event_loop().run_until_complete(run(indices))
result = {"fields": counts, "shards": len(shards) if isinstance(shards, list) else str(shards)[:100]}
