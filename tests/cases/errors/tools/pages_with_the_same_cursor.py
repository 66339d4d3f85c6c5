#: outcome: raised
#: kind: ValueError
result = list(pages(lab.books, form="same"))
