//! The epoch of an engine, which moves while something runs.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// How often running guests yield, so that timers fire and cancellations are seen.
const EPOCH: Duration = Duration::from_millis(5);

/// Moves the epoch of one engine. Each store yields at every epoch and never traps at one: the epoch is shared by all runs and must
/// not be what ends one of them.
#[derive(Debug)]
pub(crate) struct Ticks(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    running: usize,
    is_over: bool,
}

/// The epoch moves for as long as there is one of these.
#[derive(Debug)]
pub(crate) struct Running(Arc<Shared>);

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until something runs. False: it is over.
    fn is_wanted(&self) -> bool {
        let idle = |state: &mut State| state.running == 0 && !state.is_over;
        let state = self.changed.wait_while(self.state(), idle).unwrap_or_else(PoisonError::into_inner);
        !state.is_over
    }
}

impl Ticks {
    /// A thread that moves this epoch.
    pub(crate) fn of(engine: wasmtime::Engine) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let followed = Arc::clone(&shared);
        thread::Builder::new().name("exuvia-epoch".into()).spawn(move || {
            // A process in which nothing runs is never woken by it.
            while followed.is_wanted() {
                thread::sleep(EPOCH);
                engine.increment_epoch();
            }
        })?;
        Ok(Self(shared))
    }

    /// Something runs.
    pub(crate) fn running(&self) -> Running {
        self.0.state().running += 1;
        self.0.changed.notify_all();
        Running(Arc::clone(&self.0))
    }
}

impl Drop for Ticks {
    fn drop(&mut self) {
        self.0.state().is_over = true;
        self.0.changed.notify_all();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.state().running -= 1;
    }
}
