#: outcome: returned
#: result: [[1, 2], [3, 4], [5]]
result = [page["items"] for page in pages(lab.rows, limit=2)]
