#: outcome: returned
#: result: 3
result = retry(lambda: lab.books(form="n", n=3), n=2)
