#: outcome: raised
import subprocess
subprocess.run(["ls"])
