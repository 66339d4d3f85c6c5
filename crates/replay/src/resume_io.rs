//! Time, chance and waiting of a run that is brought back: from its record, then live.

use std::sync::Arc;
use std::time::Duration;

use exuvia_journal::Reading;
use exuvia_tool::{BoxFuture, CallError, CallId, HostBounds, NextWait, RunFiles, RunIo};

use crate::resume_files::ResumeFiles;
use crate::resuming::Resuming;
use crate::source::Kind;

/// The [`RunIo`] of a resumed run.
pub(crate) struct ResumeIo {
    resuming: Arc<Resuming>,
    live: Box<dyn RunIo>,
    /// Whether the wait that goes on is one of the record.
    wait_is_recorded: bool,
}

impl ResumeIo {
    pub(crate) fn new(resuming: Arc<Resuming>, live: Box<dyn RunIo>) -> Self {
        Self { resuming, live, wait_is_recorded: false }
    }

    fn time(&mut self, kind: Kind, live: impl FnOnce(&mut dyn RunIo) -> Duration) -> Duration {
        match self.resuming.reading(kind) {
            Some(Reading::WallClock(time) | Reading::MonotonicClock(time)) => time,
            _ if self.resuming.is_live() => live(&mut *self.live),
            // It has departed, and is being stopped.
            _ => Duration::ZERO,
        }
    }
}

impl RunIo for ResumeIo {
    fn files(&mut self) -> Option<Arc<dyn RunFiles>> {
        let live = self.live.files()?;
        Some(Arc::new(ResumeFiles::new(Arc::clone(&self.resuming), live)))
    }

    fn wall_clock(&mut self) -> Duration {
        self.time(Kind::WallClock, |live| live.wall_clock())
    }

    fn monotonic_clock(&mut self) -> Duration {
        self.time(Kind::MonotonicClock, |live| live.monotonic_clock())
    }

    fn fill_random(&mut self, bytes: &mut [u8]) {
        match self.resuming.reading(Kind::Random(bytes.len())) {
            Some(Reading::Random(recorded)) => bytes.copy_from_slice(&recorded),
            _ if self.resuming.is_live() => self.live.fill_random(bytes),
            _ => {}
        }
    }

    fn sleep_until(&mut self, deadline: Duration) -> BoxFuture<'static, ()> {
        if self.resuming.is_live() {
            return self.live.sleep_until(deadline);
        }
        // Its end is recorded, as far as anything shows it. Not at once: what is ready beside a sleep is reported without it.
        Box::pin(tokio::task::yield_now())
    }

    fn deliver(&mut self, answered: Vec<CallId>) -> Vec<CallId> {
        self.live.deliver(answered)
    }

    fn next_wait(&mut self, outstanding: &mut dyn Iterator<Item = CallId>) -> NextWait {
        let outstanding: Vec<CallId> = outstanding.collect();
        let recorded = self.resuming.wait(&outstanding);
        self.wait_is_recorded = recorded.is_some();
        match recorded {
            Some(recorded) => recorded,
            None if self.resuming.is_live() => self.live.next_wait(&mut outstanding.into_iter()),
            None => NextWait::Never,
        }
    }

    fn waited(&mut self, reported: &[CallId]) {
        if !self.wait_is_recorded {
            self.live.waited(reported);
        }
    }

    fn host_bounds(&mut self, call: CallId) -> HostBounds {
        if self.resuming.is_live() {
            return self.live.host_bounds(call);
        }
        let bounds = self.resuming.makes(call);
        // What was answered then is answered again, whatever else is buffered now.
        if self.resuming.has_answer(call) { bounds } else { self.live.host_bounds(call) }
    }

    fn host_failed(&mut self, call: CallId, error: &CallError) {
        if !self.resuming.run.host_failures.contains_key(&call) {
            self.live.host_failed(call, error);
        }
    }

    fn blocked_on(&mut self, call: CallId) {
        self.resuming.blocked_on(call);
        self.live.blocked_on(call);
    }

    fn found(&mut self, answer: &str) {
        if !self.resuming.search_is_recorded() {
            self.live.found(answer);
        }
    }
}
