#: outcome: returned
#: result: [["script.py"], "script.py", 3, "usage: script.py [-h] [--limit LIMIT]\n"]
import argparse
import sys

parser = argparse.ArgumentParser()
parser.add_argument("--limit", type=int, default=3)
result = [sys.argv, parser.prog, parser.parse_args().limit, parser.format_usage()]
