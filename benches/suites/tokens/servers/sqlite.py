# A database, as mcp-server-sqlite answers: rows as the repr of a list of dicts.
import sqlite3


def database():
    db = sqlite3.connect(":memory:")
    db.row_factory = sqlite3.Row
    db.executescript(
        "create table customers (id integer primary key, name text, country text, segment text, created text);"
        "create table orders (id integer primary key, customer_id integer, placed text, status text, total real);"
        "create table order_items (order_id integer, product_id integer, quantity integer, price real);"
        "create table products (id integer primary key, title text, category text, stock integer, reorder_level integer);"
        "create table tickets (id integer primary key, customer_id integer, opened text, closed text, priority text, subject text);"
    )
    many = db.executemany
    many("insert into customers values (?,?,?,?,?)", ((n, f"Customer {n}", ["DE", "FR", "NL", "IT"][n % 4], ["small", "mid", "large"][n % 3], f"2025-{1 + n % 12:02}-10") for n in range(1, 121)))
    many("insert into orders values (?,?,?,?,?)", ((n, 1 + n * 7 % 120, f"2026-{1 + n % 11:02}-{1 + n % 28:02}", ["paid", "open", "shipped", "cancelled"][n % 4], 20 + n * 137 % 900) for n in range(1, 601)))
    many("insert into order_items values (?,?,?,?)", ((1 + n % 600, 1 + n * 3 % 40, 1 + n % 5, 5 + n % 60) for n in range(1500)))
    many("insert into products values (?,?,?,?,?)", ((n, f"Product {n}", ["tools", "paper", "toys"][n % 3], n * 13 % 50, 15) for n in range(1, 41)))
    many("insert into tickets values (?,?,?,?,?,?)", ((n, 1 + n * 11 % 120, f"2026-10-{1 + n % 28:02}", None if n % 3 else "2026-11-05", ["low", "high", "urgent"][n % 3], f"Ticket {n}: order arrived late and one part was missing") for n in range(1, 91)))
    return db


def read_query(query):
    if not query.strip().lower().startswith("select"):
        raise ValueError("Only SELECT queries are allowed for read_query")
    return str([dict(row) for row in database().execute(query)])


def write_query(query):
    return str([{"affected_rows": database().execute(query).rowcount}])


def list_tables():
    return str([dict(row) for row in database().execute("select name from sqlite_master where type = 'table'")])


def describe_table(table_name):
    return str([dict(row) for row in database().execute(f"pragma table_info({table_name})")])


def create_table(query):
    return "Table created successfully"


def append_insight(insight):
    return "Insight added to memo"
