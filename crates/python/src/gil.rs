//! Taking the global interpreter lock on threads that are not Python's.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, ThreadId, sleep};
use std::time::{Duration, Instant};

use pyo3::prelude::*;

/// The interpreter is about to end: no thread of ours may touch it any more.
static CLOSED: AtomicBool = AtomicBool::new(false);

/// The thread that ends the interpreter.
static CLOSER: OnceLock<ThreadId> = OnceLock::new();

/// How many threads of ours are in the interpreter, or wait for its lock.
static INSIDE: AtomicUsize = AtomicUsize::new(0);

/// How long the end of the interpreter waits for them.
const PATIENCE: Duration = Duration::from_secs(5);

/// Keeps threads of ours out from now on, and waits for those that are inside: up to 3.13 an interpreter that ends unwinds threads that
/// come back to it, which aborts the process.
pub(crate) fn close(py: Python<'_>) {
    CLOSER.get_or_init(|| thread::current().id());
    CLOSED.store(true, Ordering::SeqCst);
    py.detach(|| {
        let started = Instant::now();
        while INSIDE.load(Ordering::SeqCst) > 0 && started.elapsed() < PATIENCE {
            sleep(Duration::from_millis(1));
        }
    });
}

/// In the child of a fork: the threads of the parent are not there.
pub(crate) fn forked() {
    INSIDE.store(0, Ordering::SeqCst);
}

/// Counts a thread that holds the interpreter lock, or waits for it, for as long as this exists.
pub(crate) struct Inside;

impl Inside {
    fn enter() -> Self {
        INSIDE.fetch_add(1, Ordering::SeqCst);
        Self
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        INSIDE.fetch_sub(1, Ordering::SeqCst);
    }
}

/// To be called by a thread of Python that gave up the lock, before it takes it again: the value is kept until it has. Where the
/// interpreter is ending, the thread stays here, as threads do from 3.14 on: before, it would be unwound through frames of Rust.
pub(crate) fn before_return() -> Inside {
    let inside = Inside::enter();
    if !is_closed() || CLOSER.get() == Some(&thread::current().id()) {
        return inside;
    }
    drop(inside);
    loop {
        thread::park();
    }
}

/// Whether it is.
pub(crate) fn is_closed() -> bool {
    CLOSED.load(Ordering::SeqCst)
}

/// Calls `f` with the lock. None: the interpreter is ending. Blocks for as long as others hold it.
pub(crate) fn with_python<T>(f: impl FnOnce(Python<'_>) -> T) -> Option<T> {
    let _inside = Inside::enter();
    if is_closed() { None } else { Python::try_attach(f) }
}
