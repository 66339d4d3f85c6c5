# /// script
# [tool.exuvia]
# fuel = 2_000_000_000
# returns = ["c41", "c82", "c26"]
# ///
# A database in memory.
import sqlite3

db = sqlite3.connect(":memory:")
db.execute("create table orders (id integer primary key, customer text, amount integer)")
db.executemany("insert into orders values (?, ?, ?)", ((n, f"c{n % 97}", n * 317 % 1_000) for n in range(3_000)))
rows = db.execute("select customer, sum(amount) s from orders group by customer order by s desc, customer limit 3")
result = [row[0] for row in rows]
