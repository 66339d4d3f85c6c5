//! What a guest has between two scripts.

use std::time::Duration;

use exuvia_tool::{BoxFuture, RunIo};

/// No script runs: nothing asks.
pub(crate) struct NoIo;

impl RunIo for NoIo {
    fn wall_clock(&mut self) -> Duration {
        Duration::ZERO
    }

    fn monotonic_clock(&mut self) -> Duration {
        Duration::ZERO
    }

    fn fill_random(&mut self, _: &mut [u8]) {}

    fn sleep_until(&mut self, _: Duration) -> BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }
}
