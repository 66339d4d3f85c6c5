//! A world that is the same in every run.

use std::time::Duration;

use exuvia_tool::{BoxFuture, CallId, NextWait, RunIo};

/// How far the clock moves at each reading.
const TICK: Duration = Duration::from_micros(10);

/// The time of day at the start: January 2027.
const START: Duration = Duration::from_secs(1_800_000_000);

/// A clock that moves by a fixed step whenever it is read, the same bytes every time, and a wait that lasts until all outstanding calls
/// are answered and reports them together, in their order: a script takes the same path and consumes the same fuel in every run.
#[derive(Debug, Default)]
pub(super) struct FixedWorld {
    now: Duration,
    byte: u8,
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

    fn next_wait(&mut self, outstanding: &mut dyn Iterator<Item = CallId>) -> NextWait {
        let all: Vec<CallId> = outstanding.collect();
        if all.is_empty() { NextWait::Live } else { NextWait::Recorded(all) }
    }
}
