"""`sys.stdout`, `sys.stderr` and `sys.stdin` of a script."""

import io
import sys

from wit_world.imports import output

# A line leaves at its end; text without an end leaves when this much of it has gathered.
_PENDING_CHARACTERS = 8192

# Who is told of each text that leaves: see `refused`.
heard = None


def printable(text):
    """`text` with lone surrogates escaped: the boundary carries Unicode only."""
    # A subclass of str may answer anything to what follows.
    text = str.__str__(text)
    if text.isascii():
        return text
    return text.encode("utf-8", "backslashreplace").decode()


class _Bytes(io.BufferedIOBase):
    """What `sys.stdout.buffer` is: bytes in, text out, characters kept whole."""

    def __init__(self, stream):
        self._stream = stream
        self._rest = b""

    def writable(self):
        return True

    def write(self, data):
        size = len(data)
        data = self._rest + bytes(data)
        try:
            text, self._rest = data.decode(), b""
        except UnicodeDecodeError as error:
            # An incomplete character at the very end waits for the rest of it.
            cut = error.start if error.reason == "unexpected end of data" else len(data)
            text, self._rest = data[:cut].decode("utf-8", "backslashreplace"), data[cut:]
        self._stream.write(text)
        return size

    def flush(self):
        self._stream.flush()

    def fileno(self):
        return self._stream.fileno()


class LogStream(io.TextIOBase):
    """Passes text to the host line by line."""

    encoding = "utf-8"
    errors = "backslashreplace"
    newlines = None
    line_buffering = True
    write_through = False

    def __init__(self, name, to, descriptor):
        self.name = name
        self.mode = "w"
        self._to = to
        self._descriptor = descriptor
        self._pending = []
        self._pending_characters = 0
        self.buffer = _Bytes(self)

    def writable(self):
        return True

    def fileno(self):
        return self._descriptor

    def reconfigure(self, **_options):
        """Accepted and ignored: encoding and buffering are the log's."""

    def write(self, text):
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self._pending.append(text)
        self._pending_characters += len(text)
        if "\n" in text or self._pending_characters > _PENDING_CHARACTERS:
            self.flush()
        return len(text)

    def flush(self):
        if self._pending:
            text = "".join(self._pending)
            self._pending.clear()
            self._pending_characters = 0
            if heard is not None:
                heard(text)
            output.write(self._to, printable(text))

    def close(self):
        """A script that closes its output can still be told why it failed."""
        self.flush()


class NoInput(io.StringIO):
    """Closed standard input: `input()` raises EOFError."""

    name = "<stdin>"
    encoding = "utf-8"

    def fileno(self):
        return 0


stdout = LogStream("<stdout>", output.StreamName.STDOUT, 1)
stderr = LogStream("<stderr>", output.StreamName.STDERR, 2)


def flush():
    """Sends what was printed. Done before every call, so that the log's order is the order of events."""
    if stdout._pending:
        stdout.flush()
    if stderr._pending:
        stderr.flush()


def install():
    """Makes these the streams of the process."""
    sys.stdout = sys.__stdout__ = stdout
    sys.stderr = sys.__stderr__ = stderr
    sys.stdin = sys.__stdin__ = NoInput()
