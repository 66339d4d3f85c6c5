//! Taking the global interpreter lock on threads that are not Python's.

use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::prelude::*;

/// The interpreter is about to end: no thread of ours may touch it any more.
static CLOSED: AtomicBool = AtomicBool::new(false);

/// Never again.
pub(crate) fn close() {
    CLOSED.store(true, Ordering::SeqCst);
}

/// Whether it is.
pub(crate) fn is_closed() -> bool {
    CLOSED.load(Ordering::SeqCst)
}

/// Calls `f` with the lock. None: the interpreter is ending. Blocks for as long as others hold it.
pub(crate) fn with_python<T>(f: impl FnOnce(Python<'_>) -> T) -> Option<T> {
    if is_closed() { None } else { Python::try_attach(f) }
}
