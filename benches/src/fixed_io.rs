//! A world that is the same in every run.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use exuvia_tool::{BoxFuture, CallId, RunIo};

/// How far the clock moves at each reading.
const TICK: Duration = Duration::from_micros(10);

/// A clock that moves by a fixed step whenever it is read, and bytes that are always the same: on one artifact a script
/// then consumes the same fuel every time.
#[derive(Debug)]
pub struct FixedIo {
    now: Duration,
    bytes: u8,
    outstanding: Arc<AtomicUsize>,
}

impl FixedIo {
    /// `outstanding` counts the started calls that have not been delivered.
    pub(crate) fn new(outstanding: Arc<AtomicUsize>) -> Self {
        Self { now: Duration::ZERO, bytes: 0, outstanding }
    }
}

impl RunIo for FixedIo {
    fn wall_clock(&mut self) -> Duration {
        self.monotonic_clock() + Duration::from_secs(1_800_000_000)
    }

    fn monotonic_clock(&mut self) -> Duration {
        self.now += TICK;
        self.now
    }

    fn fill_random(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.bytes = self.bytes.wrapping_mul(5).wrapping_add(113);
            *byte = self.bytes;
        }
    }

    fn sleep_until(&mut self, deadline: Duration) -> BoxFuture<'static, ()> {
        self.now = self.now.max(deadline);
        Box::pin(std::future::ready(()))
    }

    /// All answers at once and in the order of their calls: which of them have come by now is a matter of time.
    fn deliver(&mut self, mut answered: Vec<CallId>) -> Vec<CallId> {
        if answered.len() < self.outstanding.load(Ordering::Relaxed) {
            return Vec::new();
        }
        self.outstanding.fetch_sub(answered.len(), Ordering::Relaxed);
        answered.sort_unstable();
        answered
    }
}
