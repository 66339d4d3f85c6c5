# /// script
# [tool.exuvia]
# fuel = 2_000_000_000
# raises = "RecursionError"
# ///
# A deep document is an ordinary exception too.
import json

result = json.loads("[" * 200_000)
