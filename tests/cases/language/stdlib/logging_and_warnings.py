#: outcome: returned
import logging, sys, warnings

logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", stream=sys.stdout)
logging.info("started")
warnings.warn("old")
print("to stderr", file=sys.stderr)
result = None
