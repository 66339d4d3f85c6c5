//! The time and randomness of the machine.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use exuvia_tool::{BoxFuture, RunIo};

/// The [`RunIo`] of a live run: the system's clocks and its source of randomness.
pub struct SystemIo {
    started: Instant,
}

impl SystemIo {
    /// The monotonic clock of the run starts at zero now.
    #[must_use]
    pub fn new() -> Self {
        Self { started: Instant::now() }
    }
}

impl Default for SystemIo {
    fn default() -> Self {
        Self::new()
    }
}

impl RunIo for SystemIo {
    fn wall_clock(&mut self) -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }

    fn monotonic_clock(&mut self) -> Duration {
        self.started.elapsed()
    }

    fn fill_random(&mut self, bytes: &mut [u8]) {
        // The system's source fails only where there is none at all, and then no run may go on with predictable bytes.
        getrandom::fill(bytes).expect("the system has a source of randomness");
    }

    fn sleep_until(&mut self, deadline: Duration) -> BoxFuture<'static, ()> {
        match self.started.checked_add(deadline) {
            Some(instant) => Box::pin(tokio::time::sleep_until(instant.into())),
            None => Box::pin(std::future::pending()),
        }
    }
}
