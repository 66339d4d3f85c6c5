#: outcome: raised
#: kind: exited
import os
os._exit(7)
