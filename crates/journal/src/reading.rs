//! What the outside world gave a run.

use std::time::Duration;

use exuvia_tool::{CallError, CallId, FileAnswer, FileBytes, FileValue};
use sha2::{Digest as _, Sha256};

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
    /// The same, of bytes that were read and are kept apart, as a block of the journal: what a record has of them.
    FileBlock {
        /// A digest of the request.
        asked: FileAsked,
        /// The SHA-256 of the bytes.
        sha256: [u8; 32],
        /// How many there are.
        bytes: u64,
    },
    /// Nothing that the run took after this is recorded: it cannot be replayed.
    Cut(Cut),
}

/// Why nothing more is recorded of what a run took from the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cut {
    /// It read more from its files than a record may hold.
    Files,
    /// It took more else than a record may hold.
    Readings,
    /// The journal had no room for it, or could not be written.
    Journal,
}

/// Bytes of a file that are fewer stand in the record itself.
const BLOCK_FROM_BYTES: usize = 1 << 10;

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
            Self::FileBlock { .. } | Self::Cut(_) => 0,
        };
        size_of::<Self>() + more
    }

    /// The bytes that a stored journal keeps apart from the record, once for all runs that read them, with their SHA-256. None: there are none.
    #[must_use]
    pub fn file_block(&self) -> Option<([u8; 32], &FileBytes)> {
        match self {
            Self::File { answer: Ok(FileValue::Bytes(bytes)), .. } if bytes.len() >= BLOCK_FROM_BYTES => {
                Some((bytes.digest(|bytes| Sha256::digest(bytes).into()), bytes))
            }
            _ => None,
        }
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
