# /// script
# [tool.exuvia]
# fuel = 2_000_000_000
# raises = "OSError"
# ///
# There are no processes.
import subprocess

subprocess.run(["id"])
