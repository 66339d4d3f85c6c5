rows = [{"id": lab.echo(value=n), "amount": n * 2} for n in range(5)]
result = sum(row["amonut"] for row in rows)
