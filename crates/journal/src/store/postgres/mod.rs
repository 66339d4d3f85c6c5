//! The shared journal: PostgreSQL by URL, written by several processes.
//!
//! Each process has a folder of its own for the signing key, which all of them share, and for the newest checkpoint that it signed. In the
//! database there is the public key alone: who can write the database can damage the journal, but not sign another.

mod address;
mod append;
mod batch;
mod blocks;
mod calls;
mod erase;
mod list;
mod log;
mod open;
mod reads;
mod retain;
mod runs;
mod schema;
mod session;
mod sessions;
mod stats;
mod tls;
mod tokens;
mod tree;
mod write;

pub(crate) use address::Address;
pub(crate) use append::LockedLog;
pub use open::PostgresJournal;
pub(crate) use reads::PostgresReads;
pub(crate) use schema::{check, supported};
pub(crate) use session::{Purpose, Session};
pub(crate) use sessions::{Sessions, by_session, within};
pub(crate) use write::PostgresStore;

use tokio_postgres::types::ToSql;

use super::Folder;
use super::numbers::{sql, unsigned};
use crate::{JournalError, JournalErrorKind};

/// The values of a statement's parameters.
pub(crate) type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

fn unavailable(error: tokio_postgres::Error) -> JournalError {
    JournalError::new(JournalErrorKind::Unavailable).caused_by(error)
}

fn unreadable(error: tokio_postgres::Error) -> JournalError {
    JournalError::new(JournalErrorKind::Unreadable).caused_by(error)
}
