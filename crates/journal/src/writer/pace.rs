//! When the writing thread does what.

use std::time::Duration;

/// When the thread does what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// The longest that a queued entry waits.
    pub(crate) flush: Duration,
    /// From one signed checkpoint to the next.
    pub(crate) checkpoint: Duration,
    /// From one checkpoint in the database to the next.
    pub(crate) stored_checkpoint: Duration,
    /// From one look for what is over to the next.
    pub(crate) retain: Duration,
    /// From one attempt to write to the next, where only queued entries wait.
    pub(crate) retry: Duration,
    /// How long closing tries to write.
    pub(crate) close: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            flush: Duration::from_millis(100),
            checkpoint: Duration::from_secs(1),
            stored_checkpoint: Duration::from_secs(60),
            retain: Duration::from_secs(30),
            retry: Duration::from_millis(250),
            close: Duration::from_secs(5),
        }
    }
}
