//! Parsing, on a stack that is deep enough to walk the tree and to drop it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rustpython_parser::{Mode, ast, parse_tokens};

use crate::tokens::Token;

/// The stack that scripts are analyzed on. A tree of the greatest depth takes a fraction of it, in unoptimized builds as
/// well; of the rest no page is ever touched.
const STACK_BYTES: usize = 64 << 20;

/// Runs `work` on a thread with a deep stack. None if there is no such thread, or if `work` panics.
pub(crate) fn on_deep_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("analysis".to_owned()).stack_size(STACK_BYTES);
        thread.spawn_scoped(scope, work).ok()?.join().ok()
    })
}

/// The statements of a script, or the offset in bytes at which the parser gave up.
pub(crate) fn parse(tokens: Vec<Token>) -> Result<ast::Suite, usize> {
    let end = tokens.last().map_or(0, |(_, range)| range.end().into());
    let tokens = tokens.into_iter().map(Ok);
    // The parser has no unwinding promises to break: it owns its tokens and nothing else.
    match catch_unwind(AssertUnwindSafe(|| parse_tokens(tokens, Mode::Module, ""))) {
        Ok(Ok(ast::Mod::Module(module))) => Ok(module.body),
        Ok(Ok(_)) | Err(_) => Err(end),
        Ok(Err(error)) => Err(error.offset.into()),
    }
}
