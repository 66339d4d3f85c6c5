#: outcome: returned
#: result: [["a.txt"], "hello", "hello"]
import gzip, io, zipfile

buffer = io.BytesIO()
with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
    archive.writestr("a.txt", "hello")
with zipfile.ZipFile(io.BytesIO(buffer.getvalue())) as archive:
    result = [archive.namelist(), archive.read("a.txt").decode(), gzip.decompress(gzip.compress(b"hello")).decode()]
