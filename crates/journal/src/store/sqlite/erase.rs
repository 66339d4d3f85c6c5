//! Erasing a run, also while another process writes the journal.

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};

use super::{Folder, configure, retain, schema, sql, tree, unavailable};
use crate::{Erasure, JournalError, JournalErrorKind, wire};

/// How often the write-ahead log is tried to be emptied. Each attempt waits for readers for some seconds.
const ATTEMPTS: usize = 6;

/// Drops the key and the private parts of a run or direct call, and records that, unless it is recorded. Returns whether there was one.
///
/// Deleted bytes are overwritten in the database, and the write-ahead log is emptied.
pub(super) fn erase(folder: &Folder, id: &str, erasure: &Erasure) -> Result<bool, JournalError> {
    let mut connection = Connection::open(folder.database()).map_err(unavailable)?;
    configure(&connection).map_err(unavailable)?;
    schema::check(&connection)?;
    let is_found = remove(&mut connection, id, erasure)?;
    if is_found && !(0..ATTEMPTS).any(|_| empty_log(&connection).unwrap_or(false)) {
        return Err(JournalError::new(JournalErrorKind::Unavailable).caused_by(
            "it is erased, but another process reads the journal, and the key is still in `journal.db-wal`: erase it again later",
        ));
    }
    Ok(is_found)
}

/// The key goes first, with the record. What a long run has beside it goes in several steps, so that whoever writes the journal need not wait
/// for all.
fn remove(connection: &mut Connection, id: &str, erasure: &Erasure) -> Result<bool, JournalError> {
    let (mut is_found, mut is_done) = (true, false);
    while is_found && !is_done {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(unavailable)?;
        let run = "SELECT first, is_direct, erased_by IS NULL FROM runs WHERE id = ?1";
        let run = transaction.query_row(run, [id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional();
        match run.map_err(unavailable)? {
            Some((first, is_direct, is_kept)) => {
                if is_kept {
                    record(&transaction, first, &wire::erased(id, is_direct, erasure)?)?;
                }
                is_done = retain::remove(&transaction, first, &mut { retain::STEP_BYTES }).map_err(unavailable)?;
            }
            None => is_found = false,
        }
        transaction.commit().map_err(unavailable)?;
    }
    Ok(is_found)
}

fn record(connection: &Connection, first: i64, head: &[u8]) -> Result<(), JournalError> {
    let mut edge = tree::edge(connection)?;
    tree::append(connection, &mut edge, first, head, None).map_err(unavailable)?;
    let marked = "UPDATE runs SET erased_by = ?2 WHERE first = ?1";
    connection.execute(marked, params![first, sql(edge.size())]).map_err(unavailable)?;
    Ok(())
}

fn empty_log(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| Ok(row.get::<_, i64>(0)? == 0))
}
