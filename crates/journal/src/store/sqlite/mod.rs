//! The embedded journal: SQLite in the data directory, written by one process.

mod blocks;
mod content;
mod database;
mod erase;
mod index;
mod lane;
mod list;
mod open;
mod places;
mod reads;
mod retain;
mod schema;
mod stats;
mod tokens;
mod tree;
mod write;

pub(crate) use content::grow;
pub(crate) use database::{Database, Durability, create};
pub(crate) use lane::Lane;
pub use open::SqliteJournal;
#[cfg(test)]
pub(crate) use open::opened;
pub(crate) use reads::SqliteReads;
pub(crate) use schema::check;
pub(crate) use tree::{append, edge};
pub(crate) use write::SqliteStore;

use std::time::Duration;

use rusqlite::Connection;

use super::Folder;
use super::numbers::{sql, unsigned};
use crate::{JournalError, JournalErrorKind};

/// How long one connection waits for another.
pub(crate) const BUSY: Duration = Duration::from_secs(5);

fn unavailable(error: rusqlite::Error) -> JournalError {
    JournalError::new(JournalErrorKind::Unavailable).caused_by(error)
}

fn unreadable(error: rusqlite::Error) -> JournalError {
    JournalError::new(JournalErrorKind::Unreadable).caused_by(error)
}

/// What all connections have in common.
pub(crate) fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY;")
}
