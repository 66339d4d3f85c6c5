#: outcome: returned
#: result: {"dict": {"b": 1, "a": 2}, "proxy": {"x": 1}, "counter": {"a": 2}, "namespace": {"n": 1}, "row": {"id": 7}, "user": {"k": "v"}}
import collections, sqlite3, types

db = sqlite3.connect(":memory:")
db.row_factory = sqlite3.Row

class User(collections.UserDict): ...

result = {
    "dict": {"b": 1, "a": 2},
    "proxy": types.MappingProxyType({"x": 1}),
    "counter": collections.Counter("aa"),
    "namespace": types.SimpleNamespace(n=1),
    "row": db.execute("select 7 as id").fetchone(),
    "user": User(k="v"),
}
