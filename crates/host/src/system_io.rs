//! The time and randomness of the machine.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use exuvia_tool::{ActiveTime, BoxFuture, RunFiles, RunIo};

/// The [`RunIo`] of a live run: the system's clocks and its source of randomness.
pub struct SystemIo {
    clock: Clock,
    files: Option<Arc<dyn RunFiles>>,
}

/// The monotonic clock of a run.
#[derive(Clone)]
struct Clock {
    /// What it shows at its start.
    at: Duration,
    started: Instant,
    /// How long the time of the run had stood still before.
    paused: Duration,
    active: Arc<ActiveTime>,
}

impl SystemIo {
    /// The monotonic clock of the run starts at zero now.
    #[must_use]
    pub fn new() -> Self {
        Self::counting(Duration::ZERO, Arc::default())
    }

    /// The monotonic clock of the run starts at `at` now, and stands still with this time.
    #[must_use]
    pub fn counting(at: Duration, active: Arc<ActiveTime>) -> Self {
        let started = Instant::now();
        let clock = Clock { at, started, paused: active.paused(started), active };
        Self { clock, files: None }
    }

    /// Gives the run files.
    #[must_use]
    pub fn with_files(mut self, files: Arc<dyn RunFiles>) -> Self {
        self.files = Some(files);
        self
    }
}

impl Default for SystemIo {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock {
    fn now(&self) -> Duration {
        let now = Instant::now();
        let paused = self.active.paused(now).saturating_sub(self.paused);
        self.at + now.saturating_duration_since(self.started).saturating_sub(paused)
    }
}

impl RunIo for SystemIo {
    fn files(&mut self) -> Option<Arc<dyn RunFiles>> {
        self.files.clone()
    }

    fn wall_clock(&mut self) -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }

    fn monotonic_clock(&mut self) -> Duration {
        self.clock.now()
    }

    fn fill_random(&mut self, bytes: &mut [u8]) {
        // The system's source fails only where there is none at all, and then no run may go on with predictable bytes.
        getrandom::fill(bytes).expect("the system has a source of randomness");
    }

    fn sleep_until(&mut self, deadline: Duration) -> BoxFuture<'static, ()> {
        let clock = self.clock.clone();
        // What the clock shows is never ahead of the machine's.
        if clock.started.checked_add(deadline.saturating_sub(clock.at)).is_none() {
            return Box::pin(std::future::pending());
        }
        Box::pin(async move {
            loop {
                let left = deadline.saturating_sub(clock.now());
                if left.is_zero() {
                    return;
                }
                tokio::time::sleep(left).await;
                clock.active.until_running().await;
            }
        })
    }
}
