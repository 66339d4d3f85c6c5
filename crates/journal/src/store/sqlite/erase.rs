//! Erasing a run, also while another process writes the journal.

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior};

use super::{Folder, configure, retain, schema, unavailable};
use crate::{JournalError, JournalErrorKind};

/// How often the write-ahead log is tried to be emptied. Each attempt waits for readers for some seconds.
const ATTEMPTS: usize = 6;

/// Drops the key and the private parts of a run or direct call. Returns whether there was one.
///
/// Deleted bytes are overwritten in the database, and the write-ahead log is emptied.
pub(super) fn erase(folder: &Folder, id: &str) -> Result<bool, JournalError> {
    let mut connection = Connection::open(folder.database()).map_err(unavailable)?;
    configure(&connection).map_err(unavailable)?;
    schema::check(&connection)?;
    let is_found = remove(&mut connection, id).map_err(unavailable)?;
    if is_found && !(0..ATTEMPTS).any(|_| empty_log(&connection).unwrap_or(false)) {
        return Err(JournalError::new(JournalErrorKind::Unavailable).caused_by(
            "it is erased, but another process reads the journal, and the key is still in `journal.db-wal`: erase it again later",
        ));
    }
    Ok(is_found)
}

/// The key goes first. What a long run has beside it goes in several steps, so that whoever writes the journal need not wait for all.
fn remove(connection: &mut Connection, id: &str) -> rusqlite::Result<bool> {
    let first = connection.query_row("SELECT first FROM runs WHERE id = ?1", [id], |row| row.get(0)).optional()?;
    let Some(first) = first else { return Ok(false) };
    let mut is_done = false;
    while !is_done {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        is_done = retain::remove(&transaction, first, &mut { retain::STEP_BYTES })?;
        transaction.commit()?;
    }
    Ok(true)
}

fn empty_log(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| Ok(row.get::<_, i64>(0)? == 0))
}
