# /// script
# [tool.exuvia]
# fuel = 2_000_000_000
# raises = "FileNotFoundError"
# ///
# There are no files.
open("/etc/passwd").read()
