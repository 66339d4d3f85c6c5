//! A world that is the same in every run.

use std::time::Duration;

use exuvia_tool::{BoxFuture, CallId, RunIo};

/// How far the clock moves at each reading.
const TICK: Duration = Duration::from_micros(10);

/// The time of day at the start: November 2026.
const START: Duration = Duration::from_secs(1_795_000_000);

/// A clock that moves by a fixed step whenever it is read, the same bytes every time, and answers in the order of their
/// calls, a fixed number at a time.
#[derive(Debug)]
pub struct ScriptedIo {
    now: Duration,
    byte: u8,
    batch: usize,
}

impl ScriptedIo {
    /// Delivers answers in groups of `batch`: all of a `gather`, for example. The script must make that many calls before
    /// it waits.
    #[must_use]
    pub fn with_batches_of(batch: usize) -> Self {
        Self { now: Duration::ZERO, byte: 0, batch }
    }
}

impl RunIo for ScriptedIo {
    fn wall_clock(&mut self) -> Duration {
        START + self.monotonic_clock()
    }

    fn monotonic_clock(&mut self) -> Duration {
        self.now += TICK;
        self.now
    }

    fn fill_random(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.byte = self.byte.wrapping_mul(5).wrapping_add(113);
            *byte = self.byte;
        }
    }

    fn sleep_until(&mut self, deadline: Duration) -> BoxFuture<'static, ()> {
        self.now = self.now.max(deadline);
        Box::pin(std::future::ready(()))
    }

    fn deliver(&mut self, mut answered: Vec<CallId>) -> Vec<CallId> {
        if answered.len() < self.batch {
            return Vec::new();
        }
        answered.sort_unstable();
        answered.truncate(self.batch);
        answered
    }
}
