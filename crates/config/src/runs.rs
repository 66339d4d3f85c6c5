//! How many scripts may be in flight.

use exuvia_tool::CONCURRENT_RUNS;

/// How many scripts may be in flight.
#[derive(Debug)]
pub struct Runs {
    /// Those that execute. Default [`CONCURRENT_RUNS`].
    pub concurrent: u32,
    /// The memory of those together, in bytes, where it is said.
    pub memory_bytes: Option<u64>,
    /// All of them.
    pub queue: QueueLimits,
    /// Whether a script is cancelled when its client disconnects.
    pub on_disconnect: OnDisconnect,
}

impl Default for Runs {
    fn default() -> Self {
        Self {
            concurrent: CONCURRENT_RUNS,
            memory_bytes: None,
            queue: QueueLimits::default(),
            on_disconnect: OnDisconnect::default(),
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

/// What happens to a script whose client disconnects without having cancelled it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnDisconnect {
    /// It is cancelled, and its calls are.
    #[default]
    Cancel,
    /// It goes on to its end, which is recorded: half of what it does may be worse than all of it.
    Finish,
}
