//! The one row of the table `log`, whose lock makes writers wait for each other.

use std::ops::Add;

use tokio::try_join;
use tokio_postgres::Row;

use super::session::Session;
use super::{Parameters, schema, unavailable, unsigned};
use crate::JournalError;
use crate::store::RetentionClock;
use crate::tree::Edge;
use crate::wire::malformed;

/// How much is kept, in bytes.
#[derive(Clone, Copy)]
pub(super) struct Size {
    /// Heads and content.
    pub(super) all: u64,
    /// What retention can remove: bodies of records, blocks of files, and objects.
    pub(super) content: u64,
}

/// What a transaction adds, in bytes.
#[derive(Clone, Copy, Default)]
pub(super) struct Grown {
    pub(super) heads: i64,
    /// Less than zero: more was removed.
    pub(super) content: i64,
}

impl Add for Grown {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { heads: self.heads + other.heads, content: self.content + other.content }
    }
}

/// Counts what the transaction adds. Who writes has the lock of the log.
pub(super) async fn grow(session: &Session, grown: Grown) -> Result<(), JournalError> {
    let columns: Parameters<'_> = &[&grown.heads, &grown.content];
    session.execute(GROW, columns).await.map(drop).map_err(unavailable)
}

/// The row of the table `log`.
pub(super) struct Log {
    pub(super) size: u64,
    pub(super) root: Vec<u8>,
    /// The bytes of what is kept.
    pub(super) size_bytes: Size,
    /// The last run that retention removed.
    pub(super) retained_to: i64,
    /// How many objects were ever removed.
    pub(super) removed_objects: u64,
    /// What retention has seen of the clock.
    pub(super) clock: RetentionClock,
}

const GROW: &str = "UPDATE log SET bytes = bytes + $1 + $2, content_bytes = content_bytes + $2";
/// Locks the log, and reads its row.
pub(super) const LOCK: &str = "SELECT version, size, root, bytes, retained_to, removed_objects, clock_ms, jump_ms, content_bytes FROM log FOR UPDATE";
/// Reads the row of the table `log`.
pub(super) const LOG: &str =
    "SELECT version, size, root, bytes, retained_to, removed_objects, clock_ms, jump_ms, content_bytes FROM log";

impl Log {
    /// What the row of [`LOG`] says.
    ///
    /// # Errors
    ///
    /// A newer program has changed the schema.
    pub(super) fn of(row: &Row) -> Result<Self, JournalError> {
        schema::supported(row.try_get(0).map_err(unavailable)?)?;
        let number = |column| row.try_get::<_, i64>(column).map_err(unavailable);
        Ok(Self {
            size: unsigned(number(1)?),
            root: row.try_get(2).map_err(unavailable)?,
            size_bytes: Size { all: unsigned(number(3)?), content: unsigned(number(8)?) },
            retained_to: number(4)?,
            removed_objects: unsigned(number(5)?),
            clock: RetentionClock { seen_ms: unsigned(number(6)?), jump_ms: unsigned(number(7)?) },
        })
    }

    /// Whether the records that the edge has are those that the log says there are.
    pub(super) fn has_root_of(&self, edge: &Edge) -> bool {
        self.size == edge.size() && edge.head().is_ok_and(|tree| tree.root.0.as_slice() == self.root)
    }
}

/// Begins a transaction that no other writer is in.
pub(super) async fn lock(session: &Session) -> Result<Log, JournalError> {
    let begun = session.client.batch_execute("BEGIN");
    let (_, row) = try_join!(biased; begun, session.query_opt(LOCK, &[])).map_err(unavailable)?;
    Log::of(&row.ok_or_else(|| malformed("the table `log` is empty"))?)
}

pub(super) async fn commit(session: &Session) -> Result<(), JournalError> {
    session.client.batch_execute("COMMIT").await.map_err(unavailable)
}
