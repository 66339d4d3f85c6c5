#: outcome: returned
#: result: ["AAEC", "YWI=", "12345678-1234-5678-1234-567812345678", "a/b", "10.0.0.1", "é😀\u0000", "\ufffd"]
import ipaddress, pathlib, uuid

result = [bytes([0, 1, 2]), bytearray(b"ab"), uuid.UUID("12345678123456781234567812345678"), pathlib.PurePosixPath("a/b"),
          ipaddress.ip_address("10.0.0.1"), "é😀\0", "\ud800"]
