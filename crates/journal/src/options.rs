//! How a stored journal is opened.

use std::path::PathBuf;
use std::sync::Arc;

/// A clock: the time of day, in milliseconds since the epoch, UTC.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// How a stored journal is opened.
#[derive(Clone)]
pub struct OpenOptions {
    /// The folder of the journal: database, signing key, public key and checkpoint. It is created with mode 0700 where it is missing.
    pub dir: PathBuf,
    /// The clock that entries are stamped by. It may jump: the order of entries is that of their places.
    pub clock: Clock,
    /// What may wait to be written, in bytes of memory. Default 64 MiB. Further entries are refused as
    /// [`Full`](crate::JournalErrorKind::Full). Covers what is being written; does not cover its encoded form, at most 8 MiB or one entry.
    pub queue_bytes: usize,
    /// What is kept, and for how long.
    pub retention: Retention,
}

/// What a journal keeps. What is over is removed in the background, oldest runs first: scripts, arguments, answers, results, logs, readings, texts of
/// errors and keys. The public part of each record stays for good, about 400 bytes, so that the log can be verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// How old a run may become, from its start, in milliseconds. Default: as old as it likes (`u64::MAX`).
    pub max_age_ms: u64,
    /// How much content may be kept, in bytes: what is removed when a run is over. Default: as much as there is (`u64::MAX`). A run that
    /// goes on, or waits for an approval, is kept whatever its size. Does not bound what is never removed: the public parts, the index and the
    /// tree.
    pub max_bytes: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self { max_age_ms: u64::MAX, max_bytes: u64::MAX }
    }
}

impl OpenOptions {
    /// A journal in this folder, with defaults for all else.
    pub fn new(dir: impl Into<PathBuf>, clock: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self { dir: dir.into(), clock: Arc::new(clock), queue_bytes: 64 << 20, retention: Retention::default() }
    }
}
