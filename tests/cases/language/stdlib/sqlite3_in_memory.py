#: outcome: returned
#: result: [["Ada", 300], ["Bob", 50]]
import sqlite3

db = sqlite3.connect(":memory:")
db.execute("create table orders (name text, total integer)")
db.executemany("insert into orders values (?, ?)", [("Ada", 100), ("Bob", 50), ("Ada", 200)])
db.create_function("double", 1, lambda n: n * 2)
assert db.execute("select double(21)").fetchone() == (42,)
try:
    db.execute("select name from nowhere")
except sqlite3.OperationalError as error:
    assert "nowhere" in str(error)
with db:
    db.execute("update orders set total = total where name = 'Ada'")
result = db.execute("select name, sum(total) from orders group by name order by 2 desc").fetchall()
