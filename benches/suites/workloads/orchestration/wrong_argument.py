# /// script
# [tool.exuvia]
# fuel = 2_000_000_000
# tools = ["lab.rows"]
# raises = "TypeError"
# ///
# An argument that does not fit is the script's own error, before the call is made.
result = lab.rows(limit=5_000)
