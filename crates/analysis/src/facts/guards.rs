//! Exceptions that the code around a line would catch.

use std::collections::HashSet;
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

/// What the handlers of one `try` catch; `known` gets the names that are taken for what Python calls so.
pub(super) fn of_handlers<'a>(handlers: &'a [ast::ExceptHandler], known: &mut HashSet<&'a str>) -> Guards {
    handlers.iter().fold(Guards::default(), |guards, handler| {
        let ast::ExceptHandler::ExceptHandler(handler) = handler;
        guards | handler.type_.as_deref().map_or(Guards::ALL, |exception| of_type(exception, known))
    })
}

fn of_type<'a>(exception: &'a ast::Expr, known: &mut HashSet<&'a str>) -> Guards {
    if let ast::Expr::Tuple(several) = exception {
        return several.elts.iter().fold(Guards::default(), |guards, one| guards | of_type(one, known));
    }
    let Some(name) = last_name(exception) else { return Guards::ALL };
    let guards = match name {
        "NameError" => Guards::NAME_ERROR,
        "AttributeError" => Guards::ATTRIBUTE_ERROR,
        "TypeError" => Guards::TYPE_ERROR,
        name if UNRELATED.contains(&name) => Guards::default(),
        _ => return Guards::ALL,
    };
    known.insert(name);
    guards
}

/// What a `with` statement may catch: `contextlib.suppress`, and whatever is not known to let exceptions out.
pub(super) fn of_context<'a>(item: &'a ast::WithItem, known: &mut HashSet<&'a str>) -> Guards {
    let ast::Expr::Call(call) = &item.context_expr else { return Guards::ALL };
    let Some(name) = last_name(&call.func).filter(|name| TRANSPARENT.contains(name)) else { return Guards::ALL };
    known.insert(name);
    Guards::default()
}

fn last_name(expression: &ast::Expr) -> Option<&str> {
    match expression {
        ast::Expr::Name(name) => Some(&name.id),
        ast::Expr::Attribute(attribute) => Some(&attribute.attr),
        _ => None,
    }
}
