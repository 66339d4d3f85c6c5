//! Python's built-in names.

use std::collections::HashSet;
use std::sync::LazyLock;

/// What a built-in name can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Builtin {
    /// Nothing beyond what it is given.
    Harmless,
    /// Runs text, or hands out tables of names.
    ReachesEverything,
    /// `getattr` and its kin: harmless with a literal name, which the walk over the tree looks through.
    AccessByText,
    /// `type`: makes classes of any dict. Harmless where it only returns a value's class.
    Type,
}

/// What `name` is, if Python or the sandbox defines it.
pub(crate) fn builtin(name: &str) -> Option<Builtin> {
    match name {
        "eval" | "exec" | "compile" | "globals" | "locals" | "vars" | "breakpoint" => Some(Builtin::ReachesEverything),
        "getattr" | "setattr" | "delattr" => Some(Builtin::AccessByText),
        "type" => Some(Builtin::Type),
        "__name__" | "__file__" | "__doc__" | "__debug__" => Some(Builtin::Harmless),
        _ if crate::facts::is_special(name) => Some(Builtin::ReachesEverything),
        _ if HARMLESS.contains(name) => Some(Builtin::Harmless),
        _ => None,
    }
}

static HARMLESS: LazyLock<HashSet<&str>> = LazyLock::new(|| NAMES.split_ascii_whitespace().collect());

/// `dir(builtins)` of CPython 3.14 without the above, and what the sandbox adds: exceptions and functions.
const NAMES: &str = "
    abs aiter all anext any ascii bin bool bytearray bytes callable chr classmethod complex dict dir divmod enumerate
    filter float format frozenset hasattr hash help hex id input int isinstance issubclass iter len list map max
    memoryview min next object oct open ord pow print property range repr reversed round set slice sorted staticmethod
    str sum super tuple zip copyright credits exit license quit Ellipsis NotImplemented
    ArithmeticError AssertionError AttributeError BaseException BaseExceptionGroup BlockingIOError BrokenPipeError
    BufferError BytesWarning ChildProcessError ConnectionAbortedError ConnectionError ConnectionRefusedError
    ConnectionResetError DeprecationWarning EOFError EncodingWarning EnvironmentError Exception ExceptionGroup
    FileExistsError FileNotFoundError FloatingPointError FutureWarning GeneratorExit IOError ImportError ImportWarning
    IndentationError IndexError InterruptedError IsADirectoryError KeyError KeyboardInterrupt LookupError MemoryError
    ModuleNotFoundError NameError NotADirectoryError NotImplementedError OSError OverflowError PendingDeprecationWarning
    PermissionError ProcessLookupError PythonFinalizationError RecursionError ReferenceError ResourceWarning RuntimeError
    RuntimeWarning StopAsyncIteration StopIteration SyntaxError SyntaxWarning SystemError SystemExit TabError
    TimeoutError TypeError UnboundLocalError UnicodeDecodeError UnicodeEncodeError UnicodeError UnicodeTranslateError
    UnicodeWarning UserWarning ValueError Warning ZeroDivisionError
    ToolDenied ToolError ToolLimitReached ToolTimeout ToolUnavailable pages retry";
