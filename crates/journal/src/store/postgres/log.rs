//! The one row of the table `log`, whose lock makes writers wait for each other.

use tokio::try_join;
use tokio_postgres::Row;

use super::session::Session;
use super::{schema, unavailable, unsigned};
use crate::JournalError;
use crate::store::RetentionClock;
use crate::tree::Edge;
use crate::wire::malformed;

/// The row of the table `log`.
pub(super) struct Log {
    pub(super) size: u64,
    pub(super) root: Vec<u8>,
    /// The bytes of what is kept.
    pub(super) bytes: u64,
    /// The last run that retention removed.
    pub(super) retained_to: i64,
    /// How many objects were ever removed.
    pub(super) removed_objects: u64,
    /// What retention has seen of the clock.
    pub(super) clock: RetentionClock,
}

/// Locks the log, and reads its row.
pub(super) const LOCK: &str =
    "SELECT version, size, root, bytes, retained_to, removed_objects, clock_ms, jump_ms FROM log FOR UPDATE";
/// Reads the row of the table `log`.
pub(super) const LOG: &str =
    "SELECT version, size, root, bytes, retained_to, removed_objects, clock_ms, jump_ms FROM log";

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
            bytes: unsigned(number(3)?),
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
