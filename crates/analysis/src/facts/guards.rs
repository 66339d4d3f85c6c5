//! What the code around a line would catch, if the line failed.

use std::ops::BitOr;

use rustpython_parser::ast;

/// The failures that the code around may be counting on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Guards(u8);

impl Guards {
    pub(crate) const NAME_ERROR: Self = Self(1);
    pub(crate) const ATTRIBUTE_ERROR: Self = Self(2);
    pub(crate) const TYPE_ERROR: Self = Self(4);
    pub(crate) const ALL: Self = Self(7);

    pub(crate) fn catch(self, failure: Self) -> bool {
        self.0 & failure.0 != 0
    }
}

impl BitOr for Guards {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Exceptions that are none of the three and no base of them.
const UNRELATED: &[&str] = &[
    "ArithmeticError",
    "AssertionError",
    "BlockingIOError",
    "CancelledError",
    "ConnectionError",
    "EOFError",
    "FileNotFoundError",
    "IOError",
    "ImportError",
    "IndexError",
    "JSONDecodeError",
    "KeyError",
    "KeyboardInterrupt",
    "LookupError",
    "MemoryError",
    "ModuleNotFoundError",
    "OSError",
    "OverflowError",
    "PermissionError",
    "RecursionError",
    "RuntimeError",
    "StopAsyncIteration",
    "StopIteration",
    "SystemExit",
    "TimeoutError",
    "ToolDenied",
    "ToolError",
    "ToolLimitReached",
    "ToolTimeout",
    "ToolUnavailable",
    "UnicodeDecodeError",
    "UnicodeError",
    "ValueError",
    "ZeroDivisionError",
];

/// Context managers of the standard library that let every exception out.
const TRANSPARENT: &[&str] = &[
    "Lock",
    "Runner",
    "Semaphore",
    "TaskGroup",
    "ThreadPoolExecutor",
    "closing",
    "localcontext",
    "nullcontext",
    "open",
    "redirect_stderr",
    "redirect_stdout",
    "timeout",
];

/// What the handlers of one `try` catch.
pub(super) fn of_handlers(handlers: &[ast::ExceptHandler]) -> Guards {
    handlers.iter().fold(Guards::default(), |guards, handler| {
        let ast::ExceptHandler::ExceptHandler(handler) = handler;
        guards | handler.type_.as_deref().map_or(Guards::ALL, of_type)
    })
}

fn of_type(exception: &ast::Expr) -> Guards {
    if let ast::Expr::Tuple(several) = exception {
        return several.elts.iter().map(of_type).fold(Guards::default(), Guards::bitor);
    }
    match last_name(exception) {
        Some("NameError") => Guards::NAME_ERROR,
        Some("AttributeError") => Guards::ATTRIBUTE_ERROR,
        Some("TypeError") => Guards::TYPE_ERROR,
        Some(name) if UNRELATED.contains(&name) => Guards::default(),
        _ => Guards::ALL,
    }
}

/// What a `with` statement may catch: `contextlib.suppress`, and whatever is not known to let exceptions out.
pub(super) fn of_context(item: &ast::WithItem) -> Guards {
    let is_transparent = match &item.context_expr {
        ast::Expr::Call(call) => last_name(&call.func).is_some_and(|name| TRANSPARENT.contains(&name)),
        _ => false,
    };
    if is_transparent { Guards::default() } else { Guards::ALL }
}

fn last_name(expression: &ast::Expr) -> Option<&str> {
    match expression {
        ast::Expr::Name(name) => Some(&name.id),
        ast::Expr::Attribute(attribute) => Some(&attribute.attr),
        _ => None,
    }
}
