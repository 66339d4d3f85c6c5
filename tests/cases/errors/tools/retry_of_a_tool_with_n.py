#: outcome: raised
#: kind: TypeError
result = retry(lab.books, n=3, form="n")
