//! The embedded journal: SQLite in the data directory, written by one process.

mod erase;
mod index;
mod list;
mod open;
mod places;
mod reads;
mod retain;
mod schema;
mod stats;
mod tree;
mod write;

pub use open::SqliteJournal;
#[cfg(test)]
pub(crate) use open::opened;
pub(crate) use reads::SqliteReads;
pub(crate) use write::SqliteStore;

use rusqlite::Connection;

use super::Folder;
use super::numbers::{sql, unsigned};
use crate::{JournalError, JournalErrorKind};

/// How long one connection waits for another.
const BUSY_MS: u64 = 5_000;

fn unavailable(error: rusqlite::Error) -> JournalError {
    JournalError::new(JournalErrorKind::Unavailable).caused_by(error)
}

fn unreadable(error: rusqlite::Error) -> JournalError {
    JournalError::new(JournalErrorKind::Unreadable).caused_by(error)
}

/// What all connections have in common.
fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(std::time::Duration::from_millis(BUSY_MS))?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY;")
}
