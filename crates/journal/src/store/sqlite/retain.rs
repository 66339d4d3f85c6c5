//! Removing what is over, and what is erased.

use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};

use super::unsigned;
use crate::Retention;
use crate::store::{GuestFolder, Retained};

/// Runs that one step removes: a step takes milliseconds, and entries wait for it.
const STEP_RUNS: i64 = 32;
/// Private parts that one step removes, in bytes, but for the last one.
pub(super) const STEP_BYTES: i64 = 32 << 20;

/// Removes some of the oldest runs that are over, and objects and guests that no run names any more.
pub(super) fn step(
    connection: &mut Connection,
    guests: &GuestFolder,
    retention: Retention,
    now_ms: u64,
    is_open: &(dyn Fn(&str) -> bool + Sync),
) -> rusqlite::Result<Retained> {
    let is_large = size_bytes(connection)? > retention.max_bytes;
    let before_ms = now_ms.saturating_sub(retention.max_age_ms);
    if !is_large && oldest_kept_ms(connection)?.is_none_or(|oldest| oldest >= before_ms) {
        return Ok(Retained::default());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let (mut left_bytes, mut last, mut more) = (STEP_BYTES, progress(&transaction)?, false);
    for (first, id, started_ms) in next_runs(&transaction, last)? {
        if is_open(&id) || !is_large && started_ms >= before_ms {
            break;
        }
        more = true;
        if !remove(&transaction, first, &mut left_bytes)? {
            break;
        }
        last = first;
    }
    set_progress(&transaction, last)?;
    let unnamed = "DELETE FROM object_bytes WHERE id IN (SELECT id FROM objects WHERE last_run <= ?1)";
    let objects = transaction.execute(unnamed, [last])?;
    transaction.commit()?;
    let objects = objects + remove_guests(connection, guests, last)?;
    Ok(Retained { more, objects })
}

/// Removes the guests that no run after this one names. Returns how many. What cannot be removed now is removed later.
fn remove_guests(connection: &Connection, guests: &GuestFolder, last: i64) -> rusqlite::Result<usize> {
    let named = "SELECT EXISTS (SELECT 1 FROM objects WHERE sha256 = ?1 AND last_run > ?2)";
    let mut removed = 0;
    for sha256 in guests.digests().unwrap_or_default() {
        if !connection.query_row(named, params![sha256, last], |row| row.get(0))? {
            removed += usize::from(guests.remove(&sha256).is_ok());
        }
    }
    Ok(removed)
}

/// Drops the key and the private parts of the run that begins at `first`: of those, as many as `left_bytes` are enough for. Returns
/// whether none is left.
pub(super) fn remove(connection: &Connection, first: i64, left_bytes: &mut i64) -> rusqlite::Result<bool> {
    connection.execute("DELETE FROM keys WHERE run = ?1", [first])?;
    connection.execute("UPDATE calls SET error = NULL WHERE run = ?1 AND error IS NOT NULL", [first])?;
    connection.execute("UPDATE runs SET is_erased = 1, error = NULL WHERE first = ?1 AND is_erased = 0", [first])?;
    let bodies = "SELECT seq, length(body) FROM records WHERE run = ?1 AND body IS NOT NULL ORDER BY seq";
    let mut bodies = connection.prepare_cached(bodies)?;
    let mut removed = connection.prepare_cached("UPDATE records SET body = NULL WHERE seq = ?1")?;
    let mut rows = bodies.query([first])?;
    let mut seqs = Vec::new();
    while *left_bytes > 0
        && let Some(row) = rows.next()?
    {
        seqs.push(row.get::<_, i64>(0)?);
        *left_bytes -= row.get::<_, i64>(1)?;
    }
    let is_done = *left_bytes > 0;
    drop(rows);
    for seq in seqs {
        removed.execute([seq])?;
    }
    Ok(is_done)
}

/// What the database takes, without the pages that are free for reuse.
fn size_bytes(connection: &Connection) -> rusqlite::Result<u64> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    Ok(unsigned((pragma("page_count")? - pragma("freelist_count")?) * pragma("page_size")?))
}

fn oldest_kept_ms(connection: &Connection) -> rusqlite::Result<Option<u64>> {
    let oldest = "SELECT started_ms FROM runs WHERE first > ?1 ORDER BY first LIMIT 1";
    let last = progress(connection)?;
    Ok(connection.query_row(oldest, [last], |row| row.get::<_, i64>(0)).optional()?.map(unsigned))
}

fn next_runs(connection: &Connection, after: i64) -> rusqlite::Result<Vec<(i64, String, u64)>> {
    let mut next =
        connection.prepare("SELECT first, id, started_ms FROM runs WHERE first > ?1 ORDER BY first LIMIT ?2")?;
    next.query_map([after, STEP_RUNS], |row| Ok((row.get(0)?, row.get(1)?, unsigned(row.get(2)?))))?.collect()
}

fn progress(connection: &Connection) -> rusqlite::Result<i64> {
    let known = "SELECT value FROM progress WHERE name = 'retained_to'";
    Ok(connection.query_row(known, [], |row| row.get(0)).optional()?.unwrap_or(0))
}

fn set_progress(transaction: &Transaction<'_>, last: i64) -> rusqlite::Result<usize> {
    let set = "INSERT INTO progress (name, value) VALUES ('retained_to', ?1) ON CONFLICT DO UPDATE SET value = ?1";
    transaction.execute(set, params![last])
}
