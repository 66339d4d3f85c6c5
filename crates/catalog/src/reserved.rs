//! Names that are reserved by Python, its standard library and the sandbox.

/// Whether `name` cannot stand as an attribute or a keyword argument. The soft keywords (`match`, `case`, `type`, `_`)
/// can, and are not here.
pub(crate) fn is_keyword(name: &str) -> bool {
    KEYWORDS.binary_search(&name).is_ok()
}

/// Whether a server under this global would hide something that scripts write: a builtin, a name of the sandbox, or a
/// module of the standard library. The last because `import time` in a script must not take away a server called `time`.
pub(crate) fn is_taken_global(name: &str) -> bool {
    name == "_"
        || SANDBOX.contains(&name)
        || BUILTINS.split_ascii_whitespace().any(|word| word == name)
        || MODULES.split_ascii_whitespace().any(|word| word == name)
}

/// Sorted by byte, for the search.
const KEYWORDS: [&str; 36] = [
    "False",
    "None",
    "True",
    "__debug__",
    "and",
    "as",
    "assert",
    "async",
    "await",
    "break",
    "class",
    "continue",
    "def",
    "del",
    "elif",
    "else",
    "except",
    "finally",
    "for",
    "from",
    "global",
    "if",
    "import",
    "in",
    "is",
    "lambda",
    "nonlocal",
    "not",
    "or",
    "pass",
    "raise",
    "return",
    "try",
    "while",
    "with",
    "yield",
];

/// What the guest puts beside the servers, and the name that a script gives its answer.
const SANDBOX: [&str; 8] =
    ["exuvia", "mcp", "result", "ToolDenied", "ToolError", "ToolLimitReached", "ToolTimeout", "ToolUnavailable"];

/// `dir(builtins)` of CPython 3.14, without what the keywords cover and what starts with an underscore.
const BUILTINS: &str = "
    ArithmeticError AssertionError AttributeError BaseException BaseExceptionGroup BlockingIOError
    BrokenPipeError BufferError BytesWarning ChildProcessError ConnectionAbortedError ConnectionError
    ConnectionRefusedError ConnectionResetError DeprecationWarning EOFError Ellipsis EncodingWarning
    EnvironmentError Exception ExceptionGroup FileExistsError FileNotFoundError FloatingPointError FutureWarning
    GeneratorExit IOError ImportError ImportWarning IndentationError IndexError InterruptedError
    IsADirectoryError KeyError KeyboardInterrupt LookupError MemoryError ModuleNotFoundError NameError
    NotADirectoryError NotImplemented NotImplementedError OSError OverflowError PendingDeprecationWarning
    PermissionError ProcessLookupError PythonFinalizationError RecursionError ReferenceError ResourceWarning
    RuntimeError RuntimeWarning StopAsyncIteration StopIteration SyntaxError SyntaxWarning SystemError
    SystemExit TabError TimeoutError TypeError UnboundLocalError UnicodeDecodeError UnicodeEncodeError
    UnicodeError UnicodeTranslateError UnicodeWarning UserWarning ValueError Warning ZeroDivisionError abs aiter
    all anext any ascii bin bool breakpoint bytearray bytes callable chr classmethod compile complex copyright
    credits delattr dict dir divmod enumerate eval exec exit filter float format frozenset getattr globals
    hasattr hash help hex id input int isinstance issubclass iter len license list locals map max memoryview min
    next object oct open ord pow print property quit range repr reversed round set setattr slice sorted
    staticmethod str sum super tuple type vars zip";

/// `sys.stdlib_module_names` of CPython 3.14 and what 3.13 still had, without what starts with an underscore.
const MODULES: &str = "
    abc annotationlib antigravity argparse array ast asyncio atexit base64 bdb binascii bisect builtins bz2
    cProfile calendar cmath cmd code codecs codeop collections colorsys compileall compression concurrent
    configparser contextlib contextvars copy copyreg csv ctypes curses dataclasses datetime dbm decimal difflib
    dis doctest email encodings ensurepip enum errno faulthandler fcntl filecmp fileinput fnmatch fractions
    ftplib functools gc genericpath getopt getpass gettext glob graphlib grp gzip hashlib heapq hmac html http
    idlelib imaplib importlib inspect io ipaddress itertools json keyword linecache locale logging lzma mailbox
    marshal math mimetypes mmap modulefinder msvcrt multiprocessing netrc nt ntpath nturl2path numbers opcode
    operator optparse os pathlib pdb pickle pickletools pkgutil platform plistlib poplib posix posixpath pprint
    profile pstats pty pwd py_compile pyclbr pydoc pydoc_data pyexpat queue quopri random re readline reprlib
    resource rlcompleter runpy sched secrets select selectors shelve shlex shutil signal site smtplib socket
    socketserver sqlite3 sre_compile sre_constants sre_parse ssl stat statistics string stringprep struct
    subprocess symtable sys sysconfig syslog tabnanny tarfile tempfile termios test textwrap this threading time
    timeit tkinter token tokenize tomllib trace traceback tracemalloc tty turtle turtledemo types typing
    unicodedata unittest urllib uuid venv warnings wave weakref webbrowser winreg winsound wsgiref xml xmlrpc
    zipapp zipfile zipimport zlib zoneinfo";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keywords_are_sorted() {
        assert!(KEYWORDS.is_sorted());
        assert!(is_keyword("async") && is_keyword("yield") && is_keyword("False") && !is_keyword("match"));
    }

    #[test]
    fn globals_of_each_source_are_taken() {
        for name in ["mcp", "print", "TimeoutError", "time", "json", "annotationlib", "_"] {
            assert!(is_taken_global(name), "{name}");
        }
        for name in ["git", "fetch", "memory", "everything", "github", "times"] {
            assert!(!is_taken_global(name), "{name}");
        }
    }
}
