//! Where runs and calls are recorded, for how long, and what of it is shown.

use std::fmt;
use std::path::PathBuf;

use exuvia_policy::Redaction;

/// How old a run may become in the journal by default, in days.
pub(crate) const KEEP_DAYS: u64 = 90;
/// How much content of runs is kept by default, in bytes.
pub(crate) const KEEP_BYTES: u64 = 4 << 30;

/// Where runs and calls are recorded, for how long, and what of it is shown.
#[derive(Debug, Clone)]
pub struct JournalConfig {
    /// Where they are kept.
    pub store: JournalStore,
    /// Whether the configuration names the store: then nothing starts without it.
    pub is_required: bool,
    /// How old a run may become, in days. Default 90. The public part of its records stays.
    pub keep_days: u64,
    /// How much content of runs is kept, in bytes: scripts, arguments, answers, results, logs and readings, encrypted. Default 4 GiB. At the
    /// limit the oldest runs are removed, but for the public part of their records, about 400 bytes a record, which this does not bound.
    pub keep_bytes: u64,
    /// What is hidden of scripts, arguments, answers, results, logs and errors where they are shown.
    pub redaction: Redaction,
    /// A second file for the newest signed checkpoint.
    pub checkpoint_copy: Option<PathBuf>,
}

/// Where a journal is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JournalStore {
    /// In SQLite, in this folder. None: in the data directory of the user, where each process of several has a folder
    /// of its own.
    Sqlite(Option<PathBuf>),
    /// In memory, as long as the process lives.
    Memory,
    /// In PostgreSQL.
    Postgres {
        /// Where the database is.
        url: DatabaseUrl,
        /// The folder of this process, with the signing key and the newest checkpoint. None: `journal-postgres` in the data directory of
        /// the user.
        folder: Option<PathBuf>,
    },
}

/// The address of a database. It may hold a password.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(pub String);

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseUrl").finish_non_exhaustive()
    }
}

impl Default for JournalConfig {
    fn default() -> Self {
        Self {
            store: JournalStore::Sqlite(None),
            is_required: false,
            keep_days: KEEP_DAYS,
            keep_bytes: KEEP_BYTES,
            redaction: Redaction::default(),
            checkpoint_copy: None,
        }
    }
}
