# tools: elasticsearch.list_indices
from dataclasses import dataclass
from typing import Type, Callable, Optional


@dataclass
class Rule:
    name: str
    kind: type = str
    error: type[Exception] = ValueError
    factory: Optional[Type["Rule"]] = None
    check: Callable[[object], bool] = bool


rules = [Rule("a"), Rule("b", kind=int, error=TypeError)]
out = []
for r in rules:
    v = elasticsearch.list_indices(indexPattern=r.name)
    if not isinstance(v, r.kind):
        out.append(f"{r.name}: expected {r.kind.__name__}, got {type(v).__name__}")
result = out
