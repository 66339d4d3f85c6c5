//! The seam between the journal and a database: what writes, and what reads.
//!
//! A backend commits a batch of records at once, or not at all. Places, index, keys and the tree are its own: where several processes write
//! one journal, it reads and advances them within the transaction. [`SqliteStore`](sqlite::SqliteStore) is the embedded one,
//! [`PostgresStore`](postgres::PostgresStore) the shared one.

mod error;
mod folder;
mod guests;
mod numbers;
pub(crate) mod postgres;
mod read;
mod retention_clock;
pub(crate) mod sqlite;
mod write;

pub(crate) use error::StoreError;
pub(crate) use folder::Folder;
pub(crate) use guests::GuestFolder;
pub(crate) use numbers::{sql, unsigned};
pub(crate) use read::{HeadRow, IndexRow, Reads, RecordRows, Row, StoredCheckpoint, object};
use retention_clock::RetentionClock;
pub(crate) use write::{Batch, KeyState, PackedObject, Prepared, Retained, Store};
