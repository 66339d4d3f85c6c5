#: outcome: returned
#: result: ["ba7816bf", "900150983cd24fb0d6963f7d28e17f72", 1000, "LATIN SMALL LETTER E WITH ACUTE", "e\u0301", "886313e1-3b8a-5372-9b90-0c9aee199e5d", "YWJj", "de7c9b85"]
import base64, hashlib, hmac, unicodedata, uuid, zlib

result = [
    hashlib.sha256(b"abc").hexdigest()[:8],
    hashlib.md5(b"abc").hexdigest(),
    len(zlib.decompress(zlib.compress(b"x" * 1000))),
    unicodedata.name("é"),
    unicodedata.normalize("NFD", "é"),
    uuid.uuid5(uuid.NAMESPACE_DNS, "python.org"),
    base64.b64encode(b"abc").decode(),
    hmac.new(b"key", b"The quick brown fox jumps over the lazy dog", "sha1").hexdigest()[:8],
]
