"""The exceptions that a tool call raises.

Two more are Python's own: TypeError for arguments that do not fit, AttributeError for a tool that does not exist.
"""


class ToolError(Exception):
    """The tool was reached and reported a failure."""

    def __init__(self, message, server=None, tool=None, data=None):
        super().__init__(message)
        self.message = message
        self.server = server
        self.tool = tool
        self.data = data


class ToolUnavailable(ToolError):
    """The tool's server could not be reached, broke off, or gave an answer that is none."""


class ToolLimitReached(ToolError):
    """The call did not fit a limit that stops only this call."""

    def __init__(self, message, server=None, tool=None, limit=None, allowed=None, used=None):
        super().__init__(message, server, tool)
        self.limit = limit
        self.allowed = allowed
        self.used = used


class ToolTimeout(TimeoutError):
    """The tool gave no answer in time."""

    def __init__(self, message, server=None, tool=None):
        super().__init__(message)
        self.message = message
        self.server = server
        self.tool = tool


class ToolDenied(PermissionError):
    """This run may not make this call."""

    def __init__(self, message, server=None, tool=None):
        super().__init__(message)
        self.message = message
        self.server = server
        self.tool = tool


ALL = (ToolDenied, ToolError, ToolLimitReached, ToolTimeout, ToolUnavailable)
