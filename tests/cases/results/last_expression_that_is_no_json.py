#: outcome: returned
import re
re.compile("a+")
