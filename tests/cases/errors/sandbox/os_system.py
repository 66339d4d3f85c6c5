#: outcome: raised
import os
os.system("ls")
