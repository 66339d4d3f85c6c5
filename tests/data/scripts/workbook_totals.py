# tools: excel.list_workbooks, excel.read_range
import csv
import io
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation


def money(cell) -> Decimal | None:
    if isinstance(cell, (int, float)):
        return Decimal(str(cell))
    try:
        return Decimal(str(cell).replace(",", "").replace("\u20ac", "").strip())
    except InvalidOperation:
        return None


books = excel.list_workbooks(directory="/data/invoices", recursive=True)
paths = [b["path"] if isinstance(b, dict) else b for b in (books if isinstance(books, list) else books.get("files", []))]

totals: dict[str, Decimal] = {}
skipped = 0
for path in paths:
    sheet = excel.read_range(path=path, sheet="Invoice", range="A1:F200", mode="values")
    rows = sheet.get("values", []) if isinstance(sheet, dict) else sheet
    header, *body = rows or [[]]
    try:
        column = [str(h).lower() for h in header].index("net")
    except ValueError:
        skipped += 1
        continue
    amounts = (money(row[column]) for row in body if len(row) > column)
    totals[path] = sum((a for a in amounts if a is not None), Decimal(0))

out = io.StringIO()
writer = csv.writer(out)
writer.writerow(["file", "net"])
for path, total in sorted(totals.items()):
    writer.writerow([path.rsplit("/", 1)[-1], total.quantize(Decimal("0.01"), ROUND_HALF_UP)])
print(out.getvalue())
result = {"total": sum(totals.values()), "files": len(totals), "skipped": skipped}
