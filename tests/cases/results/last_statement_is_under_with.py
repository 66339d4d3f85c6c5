#: outcome: returned
#: result: null
import contextlib
with contextlib.suppress(KeyError): len("x")
