//! A world that is the same in every run.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use exuvia_tool::{BoxFuture, CallId, RunIo};

/// How far the clock moves at each reading.
const TICK: Duration = Duration::from_micros(10);

/// The time of day at the start: January 2027.
const START: Duration = Duration::from_secs(1_800_000_000);

/// A clock that moves by a fixed step whenever it is read, the same bytes every time, and answers in the order of their calls,
/// all that are out at once: a script takes the same path and consumes the same fuel in every run.
#[derive(Debug)]
pub(super) struct FixedWorld {
    now: Duration,
    byte: u8,
    /// Started calls that have not been delivered.
    outstanding: Arc<AtomicUsize>,
}

impl FixedWorld {
    pub(super) fn new(outstanding: Arc<AtomicUsize>) -> Self {
        Self { now: Duration::ZERO, byte: 0, outstanding }
    }
}

impl RunIo for FixedWorld {
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
        if answered.len() < self.outstanding.load(Ordering::Relaxed) {
            return Vec::new();
        }
        answered.sort_unstable();
        // Calls of other tools than `lab.later` are not counted, and may be delivered as well.
        let _ = self
            .outstanding
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |all| Some(all.saturating_sub(answered.len())));
        answered
    }
}
