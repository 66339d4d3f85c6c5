#: outcome: returned
#: result: [[[0, 1], [2, 3], [4]], [[0, 1], [2, 3], [4]], [[1], [2], [3]], [[1], [2], [3]]]
result = [
    [page["items"] for page in pages(tool, form=form)]
    for tool, form in [(lab.books, "offset"), (lab.shelves, "from zero"), (lab.shelves, "with links"), (lab.shelf, "with links")]
]
