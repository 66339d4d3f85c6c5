# /// script
# [tool.exuvia]
# fuel = 2_000_000_000
# raises = "OSError"
# ///
# There is nothing to connect to.
import socket

socket.create_connection(("127.0.0.1", 80))
