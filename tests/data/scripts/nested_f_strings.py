# tools: sqlite.read_query
"""Quotes inside f-strings, as Python 3.12 allows them."""
rows = sqlite.read_query(query="SELECT name, city, amount FROM invoices ORDER BY amount DESC LIMIT 20")
width = max((len(r["name"]) for r in rows), default=10)

for row in rows:
    print(f"{row["name"]:<{width}} | {row["city"] or "?":^12} | {f"{row["amount"]:,.2f}":>12}")

header = f"{"name":<{width}} | {"city":^12} | {"amount":>12}"
summary = (
    f"{len(rows)} invoices, "
    f"sum {sum(r["amount"] for r in rows):.2f}, "
    f"cities: {", ".join(sorted({r["city"] for r in rows if r["city"]}))}"
)
multi = f"""
{header}
{"-" * len(header)}
{
    "\n".join(
        f"{r["name"]!r}: {r["amount"] / 100:.1%}"  # one line each
        for r in rows
        if r["amount"] > 10
    )
}
{{not a field}} {rows[0]["name"] if rows else "nothing" = }
"""
result = {"summary": summary, "text": multi}
