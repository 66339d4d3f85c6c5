//! How many calls of one run are asked about at a time, and how many wait.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Semaphore, SemaphorePermit};

/// The calls of one run that wait for an answer, or for a place among those.
pub(super) struct HoldPlaces {
    free: Semaphore,
    waiting: AtomicUsize,
}

/// A call that waits, until this is dropped.
pub(super) struct WaitingCall<'a>(&'a AtomicUsize);

impl Drop for WaitingCall<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl HoldPlaces {
    /// For so many calls at a time.
    pub(super) fn new(calls: usize) -> Self {
        Self { free: Semaphore::new(calls), waiting: AtomicUsize::new(0) }
    }

    /// Waits until a call may be asked about. `is_asked`: it is already.
    pub(super) async fn enter(&self, is_asked: bool) -> Option<SemaphorePermit<'_>> {
        let free = self.free.try_acquire().ok();
        if free.is_some() || is_asked {
            return free;
        }
        // As those that are asked about: the run may be parked, and asks about this one when it comes back.
        let _waiting = self.wait();
        // The semaphore is never closed.
        self.free.acquire().await.ok()
    }

    /// A call waits.
    pub(super) fn wait(&self) -> WaitingCall<'_> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        WaitingCall(&self.waiting)
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }
}
