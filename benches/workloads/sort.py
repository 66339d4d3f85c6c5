values = [(n * 2_654_435_761) % 1_000_003 for n in range(100_000)]
ascending = sorted(values)
records = sorted(({"n": v, "s": str(v)} for v in values[:30_000]), key=lambda r: (r["s"], -r["n"]))
result = [ascending[0], ascending[-1], records[0]["n"]]
