//! What the outside world gave a run.

use std::time::Duration;

use exuvia_tool::{CallError, CallId};

use crate::entry::error_bytes;

/// One value that a run took from the world: with the same artifact, script, limits, namespace, answers of tools and readings a run
/// takes the same path and consumes the same fuel.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reading {
    /// The time of day, since the Unix epoch.
    WallClock(Duration),
    /// The run's own clock, since its start.
    MonotonicClock(Duration),
    /// Randomness.
    Random(Vec<u8>),
    /// What a wait for answers of started calls reported, in order. Empty: its time was over.
    Delivered(Vec<CallId>),
    /// A call that the host itself failed, whatever its server answered.
    Failed(CallId, CallError),
    /// What a search in a script answered.
    Found(String),
}

impl Reading {
    /// About how much memory it takes, in bytes.
    pub(crate) fn size_bytes(&self) -> usize {
        let more = match self {
            Self::WallClock(_) | Self::MonotonicClock(_) => 0,
            Self::Random(bytes) => bytes.len(),
            Self::Delivered(calls) => size_of_val(calls.as_slice()),
            Self::Failed(_, error) => error_bytes(error),
            Self::Found(text) => text.len(),
        };
        size_of::<Self>() + more
    }
}
