//! How many scripts may be in flight.

use std::time::Duration;

use exuvia_tool::CONCURRENT_RUNS;
use schemars::JsonSchema;
use serde::Deserialize;

/// How many scripts may be in flight.
#[derive(Debug)]
pub struct Runs {
    /// Those that execute. Default [`CONCURRENT_RUNS`].
    pub concurrent: u32,
    /// The memory of those together, in bytes, if configured.
    pub memory_bytes: Option<u64>,
    /// All of them.
    pub queue: QueueLimits,
    /// Whether a script is cancelled when its client disconnects.
    pub on_disconnect: OnDisconnect,
    /// How old a run may be that a script repairs, in minutes. Default 10. 0: none is repaired.
    pub repair_minutes: u64,
}

impl Runs {
    /// How old a run may be that a script repairs.
    #[must_use]
    pub fn repair_age(&self) -> Duration {
        Duration::from_secs(self.repair_minutes.saturating_mul(60))
    }
}

impl Default for Runs {
    fn default() -> Self {
        Self {
            concurrent: CONCURRENT_RUNS,
            memory_bytes: None,
            queue: QueueLimits::default(),
            on_disconnect: OnDisconnect::default(),
            repair_minutes: 10,
        }
    }
}

/// How many scripts may be in flight at the same time: executing, or waiting for their turn. How many execute is
/// [`Runs::concurrent`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueLimits {
    /// Of all clients together. Default 256.
    pub runs: usize,
    /// Of one client. Default 64.
    pub runs_per_client: usize,
}

impl Default for QueueLimits {
    fn default() -> Self {
        Self { runs: 256, runs_per_client: 64 }
    }
}

/// What happens to a run whose client disconnects.
// These comments are the descriptions in the schema of `exuvia.toml`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnDisconnect {
    /// The run and its calls are cancelled.
    #[default]
    Cancel,
    /// The run finishes. Clients of the modern era cancel over HTTP by disconnecting, so there nobody can cancel it.
    /// Over stdio a signal to the program, which some clients send 2 s after they closed its input, cancels it.
    Finish,
}
