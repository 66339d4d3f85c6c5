//! Time, chance and waiting from a record.

use std::sync::Arc;
use std::time::Duration;

use exuvia_journal::Reading;
use exuvia_tool::{BoxFuture, CallId, HostBounds, NextWait, RunIo};

use crate::progress::Progress;
use crate::source::Kind;

/// The [`RunIo`] of a replay. Nothing in it waits for a clock.
pub(crate) struct ReplayIo(pub(crate) Arc<Progress>);

impl RunIo for ReplayIo {
    fn wall_clock(&mut self) -> Duration {
        self.0.time(Kind::WallClock)
    }

    fn monotonic_clock(&mut self) -> Duration {
        self.0.time(Kind::MonotonicClock)
    }

    fn fill_random(&mut self, bytes: &mut [u8]) {
        if let Some(Reading::Random(recorded)) = self.0.reading(Kind::Random(bytes.len())) {
            bytes.copy_from_slice(&recorded);
        }
    }

    fn sleep_until(&mut self, _: Duration) -> BoxFuture<'static, ()> {
        // Not at once: what is ready beside a sleep is reported without it.
        Box::pin(tokio::task::yield_now())
    }

    fn next_wait(&mut self, outstanding: &mut dyn Iterator<Item = CallId>) -> NextWait {
        self.0.wait(&outstanding.collect::<Vec<_>>())
    }

    fn host_bounds(&mut self, call: CallId) -> HostBounds {
        self.0.bounds(call)
    }

    fn blocked_on(&mut self, call: CallId) {
        self.0.blocked_on(call);
    }
}
