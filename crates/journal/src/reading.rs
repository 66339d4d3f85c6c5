//! What the outside world gave a run.

use std::time::Duration;

use exuvia_tool::{CallError, CallId, FileAnswer, FileValue};

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
    /// What the files of the run answered.
    File {
        /// A digest of the request: what is replayed must ask for the same.
        asked: FileAsked,
        /// The answer.
        answer: FileAnswer,
    },
}

/// The first half of the SHA-256 of a request to the files of a run.
pub type FileAsked = [u8; 16];

impl Reading {
    /// About how much memory it takes, in bytes.
    pub(crate) fn size_bytes(&self) -> usize {
        let more = match self {
            Self::WallClock(_) | Self::MonotonicClock(_) => 0,
            Self::Random(bytes) => bytes.len(),
            Self::Delivered(calls) => size_of_val(calls.as_slice()),
            Self::Failed(_, error) => error_bytes(error),
            Self::Found(text) => text.len(),
            Self::File { answer, .. } => answer_bytes(answer),
        };
        size_of::<Self>() + more
    }
}

/// About how many bytes an answer takes beside its own size.
fn answer_bytes(answer: &FileAnswer) -> usize {
    match answer {
        Ok(FileValue::Bytes(bytes)) => bytes.len(),
        Ok(FileValue::Entries(entries)) => entries.iter().map(|entry| size_of_val(entry) + entry.name.len()).sum(),
        _ => 0,
    }
}
