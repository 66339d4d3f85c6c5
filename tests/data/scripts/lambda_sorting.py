# tools: kubernetes.nodes_top, kubernetes.pods_top
import re
from itertools import chain

UNITS = {"m": 1e-3, "": 1, "Ki": 1 / 1024, "Mi": 1, "Gi": 1024}


def quantity(text: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)([A-Za-z]*)", text).groups()
    return float(number) * UNITS.get(unit, 1)


def table(text: str) -> list[dict]:
    header, *lines = [line.split() for line in text.strip().splitlines()]
    return [dict(zip((h.lower() for h in header), line)) for line in lines]


pods = table(str(kubernetes.pods_top(all_namespaces=True)))
nodes = table(str(kubernetes.nodes_top()))
hungry = sorted(
    filter(lambda p: p.get("memory(bytes)", "").endswith("i"), pods),
    key=lambda p: (-quantity(p["memory(bytes)"]), p["name"]),
)[:10]
per_namespace = {}
for pod in pods:
    per_namespace.setdefault(pod.get("namespace", "default"), []).append(quantity(pod.get("cpu(cores)", "0")))
result = {
    "hungry": [f"{p['namespace']}/{p['name']} {p['memory(bytes)']}" for p in hungry],
    "cpu": dict(sorted(((ns, round(sum(values), 2)) for ns, values in per_namespace.items()), key=lambda kv: kv[1])),
    "columns": sorted(set(chain.from_iterable(pods + nodes))),
}
