# finds: 2 unknown-tool, 3 unknown-argument, 4 unknown-argument
everything.getSum(a=1, b=2)
mongodb.count(connectionId="main", database="shop", collection="users", Query={})
everything.get_sum(a=1, b=2, c=3)
result = None
