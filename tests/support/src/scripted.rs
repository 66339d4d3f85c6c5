//! A world that is the same in every run.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use exuvia_tool::{BoxFuture, CallId, RunIo};

/// How far the clock moves at each reading.
const TICK: Duration = Duration::from_micros(10);

/// The time of day at the start: January 2027.
const START: Duration = Duration::from_secs(1_800_000_000);

/// A clock that moves by a fixed step whenever it is read, the same bytes every time, and answers in the order of their
/// calls: on one artifact a script then takes the same path and consumes the same fuel every time.
#[derive(Debug)]
pub struct ScriptedIo {
    now: Duration,
    byte: u8,
    delivery: Delivery,
}

/// How many answers are delivered at once: which of them have come by now is a matter of time.
#[derive(Debug)]
enum Delivery {
    Batches(usize),
    All(Arc<AtomicUsize>),
}

impl ScriptedIo {
    /// Delivers answers in groups of `batch`: all of a `gather`, for example. The script must make that many calls before
    /// it waits.
    #[must_use]
    pub fn with_batches_of(batch: usize) -> Self {
        Self::delivering(Delivery::Batches(batch))
    }

    /// Delivers all answers at once. `outstanding` counts the started calls that have not been delivered.
    #[must_use]
    pub fn with_all_of(outstanding: Arc<AtomicUsize>) -> Self {
        Self::delivering(Delivery::All(outstanding))
    }

    fn delivering(delivery: Delivery) -> Self {
        Self { now: Duration::ZERO, byte: 0, delivery }
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
        answered.sort_unstable();
        match &self.delivery {
            Delivery::Batches(batch) if answered.len() >= *batch => answered.truncate(*batch),
            Delivery::All(outstanding) if answered.len() >= outstanding.load(Ordering::Relaxed) => {
                outstanding.fetch_sub(answered.len(), Ordering::Relaxed);
            }
            Delivery::Batches(_) | Delivery::All(_) => answered.clear(),
        }
        answered
    }
}
