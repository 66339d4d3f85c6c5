from collections import Counter, defaultdict

orders = [{"customer": n * 7919 % 1_000, "total": n % 97, "kind": "abc"[n % 3]} for n in range(60_000)]
by_customer = defaultdict(list)
for order in orders:
    by_customer[order["customer"]].append(order)
totals = {customer: sum(o["total"] for o in found) for customer, found in by_customer.items()}
kinds = Counter(order["kind"] for order in orders)
result = [len(totals), sum(totals.values()), dict(kinds)]
