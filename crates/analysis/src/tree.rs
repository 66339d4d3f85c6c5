//! Parsing, on a stack that is deep enough to walk the tree and to drop it.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use rustpython_parser::{Mode, ast, parse_tokens};

use crate::tokens::{MAX_DEPTH, Token};

/// The stack that a tree of the greatest depth is walked on. It takes a fraction of it, in unoptimized builds as well; of the rest no
/// page is ever touched.
const STACK_BYTES: usize = 64 << 20;

/// What the parser takes before a tree is deep.
const SHALLOW_BYTES: usize = 512 << 10;

/// The share of the stack for each byte of a source: a tree has at most one more level for each.
const LEVEL_BYTES: usize = STACK_BYTES / MAX_DEPTH;

thread_local! {
    /// The lowest and the highest address of this thread's stack that may be used, if whoever made the thread has said how large that is.
    static STACK: Cell<Option<(usize, usize)>> = const { Cell::new(None) };
}

/// Says that this thread has just been started with a stack of so many bytes. Short scripts are analyzed on it then: a thread of its own takes longer to
/// start than they take to analyze. (The crate `stacker` would measure the stack; its build compiles assembly and depends on `ar_archive_writer`.)
pub fn on_thread_start(stack_bytes: usize) {
    let highest = here();
    STACK.set(highest.checked_sub(stack_bytes).map(|lowest| (lowest, highest)));
}

/// An address in the frame of the caller, or near it.
#[inline(never)]
fn here() -> usize {
    let local = 0_u8;
    std::ptr::from_ref(&local).addr()
}

/// Whether so many bytes are left of this thread's stack. On another one, as that of a guest's fiber, nothing is known to be left.
fn has_left(bytes: usize) -> bool {
    let here = here();
    STACK.get().is_some_and(|(lowest, highest)| here <= highest && here.saturating_sub(lowest) >= bytes)
}

/// Runs `work` on a stack that is deep enough for every tree of a source of so many bytes: this thread's, if enough is left of it, else that of a
/// thread of its own. None if there is no such thread, or if `work` panics.
pub(crate) fn on_deep_stack<T: Send>(source_bytes: usize, work: impl FnOnce() -> T + Send) -> Option<T> {
    let needed = source_bytes.saturating_mul(LEVEL_BYTES).saturating_add(SHALLOW_BYTES);
    if has_left(needed) {
        return catch_unwind(AssertUnwindSafe(work)).ok();
    }
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
