#: outcome: raised
#: kind: exited
import sys
print("before")
sys.exit("nothing to do")
