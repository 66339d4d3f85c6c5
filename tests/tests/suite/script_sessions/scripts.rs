//! A session of twenty scripts.

/// The name of the server whose tools they call.
pub(super) const SERVED: &str = "fake";

/// How many calls they make.
pub(super) const CALLS: usize = 21;

/// Classes, generators, closures, open databases, seeded chance, coroutines, exceptions and calls. Their values follow from the text.
pub(super) const SCRIPTS: [&str; 20] = [
    "import random, sqlite3, asyncio, collections, dataclasses\nrandom.seed(7)\n\
     db = sqlite3.connect(':memory:')\ndb.execute('create table t (n integer primary key, v text)')\nrandom.random()",
    "@dataclasses.dataclass\nclass Order:\n    id: int\n    items: list\n    def total(self): return sum(self.items)\n\
     orders = [Order(i, [i, random.randrange(100)]) for i in range(5)]\n[o.total() for o in orders]",
    "def naturals():\n    n = 0\n    while True:\n        got = yield n\n        n = got if got is not None else n + 1\n\
     numbers = naturals()\n[next(numbers) for _ in range(3)]",
    "with db: db.executemany('insert into t (v) values (?)', [(f'v{i}',) for i in range(10)])\n\
     cursor = db.execute('select v from t order by n')\n[cursor.fetchone()[0] for _ in range(3)]",
    "[next(numbers), numbers.send(100), next(numbers), random.random()]",
    "seen = [fake.echo(value=o.total())['value'] for o in orders]\nseen",
    "def counter():\n    count = 0\n    def add(by=1):\n        nonlocal count\n        count += by\n        return count\n    return add\n\
     add = counter()\n[add(), add(5)]",
    "[cursor.fetchone()[0], db.total_changes, add()]",
    "class Special(Order):\n    def total(self): return super().total() * 10\norders.append(Special(9, [1]))\n\
     [o.total() for o in orders] + [random.choice('abcdef')]",
    "async def ask(n):\n    value = await fake.echo(value=n)\n    return value['value']\n\
     answers = await asyncio.gather(*[ask(n) for n in range(8)])\nanswers",
    "try:\n    orders[99]\nexcept IndexError as error:\n    kept = error\nstr(kept)",
    "queue = collections.deque(maxlen=3)\nqueue.extend(random.sample(range(1000), 5))\nlist(queue)",
    "state = random.getstate()\nfirst = random.random()\nfirst",
    "random.setstate(state)\n[random.random() == first, type(kept).__name__, add(10)]",
    "await asyncio.gather(*[ask(random.randrange(50)) for _ in range(6)])",
    "with db: db.execute('delete from t where n > 8')\n[cursor.fetchone(), db.execute('select count(*) from t').fetchone()[0]]",
    "import functools\n@functools.lru_cache\ndef slow(n): return fake.echo(value=n)['value']\n[slow(1), slow(1)]",
    "[slow(1), slow(2), slow.cache_info().hits]",
    "def walk(tree):\n    for node in tree:\n        yield from walk(node) if isinstance(node, list) else [node]\n\
     walker = walk([1, [2, [3, orders]], 4])\n[next(walker) for _ in range(3)]",
    "result = {'next': next(walker).id, 'numbers': next(numbers), 'random': random.random(), 'rows': len(db.execute('select * from t').fetchall()),\n\
     'count': add(), 'total': sum(o.total() for o in orders), 'queue': list(queue), 'seen': seen, 'answers': answers}",
];
