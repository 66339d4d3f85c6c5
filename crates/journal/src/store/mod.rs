//! The seam between the journal and a database: what writes, and what reads.
//!
//! A backend commits a batch of records at once, or not at all. Places, index, keys and the tree are its own: where several processes write
//! one journal, it reads and advances them within the transaction. [`SqliteStore`](sqlite::SqliteStore) is the embedded one,
//! [`PostgresStore`](postgres::PostgresStore) the shared one.

mod folder;
mod numbers;
pub(crate) mod postgres;
mod read;
pub(crate) mod sqlite;
mod write;

pub(crate) use folder::Folder;
pub(crate) use numbers::{sql, unsigned};
use read::object;
pub(crate) use read::{HeadRow, IndexRow, Reads, RecordRows, Row, StoredCheckpoint};
pub(crate) use write::{Batch, KeyState, PackedObject, Prepared, Retained, Store};
