"""The Python side of the sandbox.

`entry` answers the host; what a script may import from here are the exceptions of `errors`, which it also finds as
built-in names. Nothing in this package guards anything: the host checks every call, and a script that takes the package
apart harms only its own run.
"""

from exuvia.errors import ToolDenied, ToolError, ToolLimitReached, ToolTimeout, ToolUnavailable

__all__ = ["ToolDenied", "ToolError", "ToolLimitReached", "ToolTimeout", "ToolUnavailable"]
