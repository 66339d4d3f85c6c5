//! Time, chance and waiting from a record.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use exuvia_journal::Reading;
use exuvia_tool::{BoxFuture, CallId, HostBounds, NextWait, RunFiles, RunIo};

use crate::open_files::SessionFiles;
use crate::progress::Progress;
use crate::read_files::ReadFiles;
use crate::replay_files::ReplayFiles;
use crate::source::Kind;

/// The [`RunIo`] of a replay. Nothing in it waits for a clock.
pub(crate) struct ReplayIo {
    pub(crate) progress: Arc<Progress>,
    /// Whether the run had files.
    pub(crate) has_files: bool,
    /// What it reads of them.
    pub(crate) read: Option<Arc<Mutex<ReadFiles>>>,
    /// What the scripts of its session have open.
    pub(crate) open: SessionFiles,
}

impl RunIo for ReplayIo {
    fn files(&mut self) -> Option<Arc<dyn RunFiles>> {
        let (read, open) = (self.read.clone(), self.open.clone());
        let files = || ReplayFiles { progress: Arc::clone(&self.progress), read, open };
        self.has_files.then(|| Arc::new(files()) as _)
    }

    fn wall_clock(&mut self) -> Duration {
        self.progress.time(Kind::WallClock)
    }

    fn monotonic_clock(&mut self) -> Duration {
        self.progress.time(Kind::MonotonicClock)
    }

    fn fill_random(&mut self, bytes: &mut [u8]) {
        if let Some(Reading::Random(recorded)) = self.progress.reading(Kind::Random(bytes.len())) {
            bytes.copy_from_slice(&recorded);
        }
    }

    fn sleep_until(&mut self, deadline: Duration) -> BoxFuture<'static, ()> {
        let progress = Arc::clone(&self.progress);
        Box::pin(async move {
            // Not at once: what is ready beside a sleep is reported without it.
            tokio::task::yield_now().await;
            progress.slept_until(deadline);
        })
    }

    fn next_wait(&mut self, outstanding: &mut dyn Iterator<Item = CallId>) -> NextWait {
        self.progress.wait(&outstanding.collect::<Vec<_>>())
    }

    fn host_bounds(&mut self, call: CallId) -> HostBounds {
        self.progress.bounds(call)
    }

    fn blocked_on(&mut self, call: CallId) {
        self.progress.blocked_on(call);
    }
}
