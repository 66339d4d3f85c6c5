# finds: nothing
cursor = None
page = notion.API_post_search(query="x", start_cursor=None)
again = notion.API_post_search(query="x", start_cursor=cursor)
result = [page, again]
