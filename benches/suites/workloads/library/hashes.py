# /// script
# [tool.exuvia]
# fuel = 2_000_000_000
# returns = "74484a7c51324943"
# ///
# Digests, base64, compression.
import base64, hashlib, zlib

data = b"".join(b"line %d of a document\n" % n for n in range(3_000))
packed = zlib.compress(data)
assert zlib.decompress(base64.b64decode(base64.b64encode(packed))) == data
result = hashlib.sha256(data).hexdigest()[:16]
