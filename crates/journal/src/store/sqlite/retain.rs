//! Removing what is over, and what is erased.

use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};

use super::{blocks, tree, unsigned};
use crate::store::{GuestFolder, Retained, RetentionClock};
use crate::tree::Edge;
use crate::wire::{self, ExpiredBy};
use crate::{JournalError, Retention};

/// Runs that one step removes: a step takes milliseconds, and entries wait for it.
const STEP_RUNS: i64 = 32;
/// Private parts that one step removes, in bytes, but for the last one.
pub(super) const STEP_BYTES: i64 = 32 << 20;

/// A run or direct call that may be over.
struct Candidate {
    first: i64,
    id: String,
    started_ms: u64,
}

/// What a step removed: the first and the last run that it touched, and how many of them were not erased before.
#[derive(Default)]
struct Removed {
    places: Option<(i64, i64)>,
    runs: u64,
}

/// Removes some of the oldest runs that are over, records that, and removes objects and guests that no run names any more. `edge`: that
/// of all records that this process knows.
pub(super) fn step(
    connection: &mut Connection,
    edge: &mut Edge,
    guests: &GuestFolder,
    (retention, now_ms): (Retention, u64),
    is_open: &(dyn Fn(&str) -> bool + Sync),
) -> rusqlite::Result<Retained> {
    let is_large = size_bytes(connection)? > retention.max_bytes;
    let is_believed = retention.max_age_ms == u64::MAX || is_believed(connection, now_ms)?;
    let before_ms = if is_believed { now_ms.saturating_sub(retention.max_age_ms) } else { 0 };
    let waits = !is_believed;
    if !is_large && oldest_kept_ms(connection)?.is_none_or(|oldest| oldest >= before_ms) {
        return Ok(Retained { waits, ..Retained::default() });
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    tree::advance(&transaction, edge)?;
    let (mut left_bytes, mut last, mut removed) =
        (STEP_BYTES, progress(&transaction, RETAINED_TO)?, Removed::default());
    for run in next_runs(&transaction, last)? {
        if is_open(&run.id) || !is_large && run.started_ms >= before_ms {
            break;
        }
        removed.add(&transaction, edge, run.first)?;
        if !remove(&transaction, run.first, &mut left_bytes)? {
            break;
        }
        last = run.first;
    }
    let is_recorded =
        removed.record(&transaction, edge, if is_large { ExpiredBy::Size } else { ExpiredBy::Age }, now_ms)?;
    set_progress(&transaction, RETAINED_TO, last)?;
    let unnamed = "DELETE FROM object_bytes WHERE id IN (SELECT id FROM objects WHERE last_run <= ?1)";
    let objects = transaction.execute(unnamed, [last])?;
    transaction.commit()?;
    let objects = objects + remove_guests(connection, guests, last)?;
    Ok(Retained { more: removed.places.is_some(), objects, is_recorded, waits })
}

impl Removed {
    /// The record that will be written comes next.
    fn add(&mut self, connection: &Connection, edge: &Edge, first: i64) -> rusqlite::Result<()> {
        self.places = Some((self.places.map_or(first, |(least, _)| least), first));
        let marked = "UPDATE runs SET erased_by = ?2 WHERE first = ?1 AND erased_by IS NULL";
        self.runs += connection.execute(marked, params![first, super::sql(edge.size() + 1)])? as u64;
        Ok(())
    }

    fn record(&self, connection: &Connection, edge: &mut Edge, by: ExpiredBy, at_ms: u64) -> rusqlite::Result<bool> {
        let Some((first, last)) = self.places.filter(|_| self.runs > 0) else { return Ok(false) };
        let head = wire::expired((unsigned(first), unsigned(last)), self.runs, by, at_ms).map_err(unwritable)?;
        tree::append(connection, edge, tree::NO_RUN, (wire::REMOVALS, &head), None)?;
        Ok(true)
    }
}

fn unwritable(error: JournalError) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(error.into())
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
    connection.execute("UPDATE runs SET error = NULL WHERE first = ?1 AND error IS NOT NULL", [first])?;
    connection.execute("UPDATE approvals SET reason = NULL, body = NULL, expires_ms = 0 WHERE run = ?1", [first])?;
    connection.execute("UPDATE waiting_runs SET body = NULL WHERE run = ?1", [first])?;
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
    Ok(is_done && blocks::remove(connection, first, left_bytes)?)
}

/// What the database takes, without the pages that are free for reuse.
fn size_bytes(connection: &Connection) -> rusqlite::Result<u64> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    Ok(unsigned((pragma("page_count")? - pragma("freelist_count")?) * pragma("page_size")?))
}

fn oldest_kept_ms(connection: &Connection) -> rusqlite::Result<Option<u64>> {
    let oldest = "SELECT started_ms FROM runs WHERE first > ?1 ORDER BY first LIMIT 1";
    let last = progress(connection, RETAINED_TO)?;
    Ok(connection.query_row(oldest, [last], |row| row.get::<_, i64>(0)).optional()?.map(unsigned))
}

fn next_runs(connection: &Connection, after: i64) -> rusqlite::Result<Vec<Candidate>> {
    let mut next =
        connection.prepare("SELECT first, id, started_ms FROM runs WHERE first > ?1 ORDER BY first LIMIT ?2")?;
    let candidate = |row: &rusqlite::Row<'_>| {
        Ok(Candidate { first: row.get(0)?, id: row.get(1)?, started_ms: unsigned(row.get(2)?) })
    };
    next.query_map([after, STEP_RUNS], candidate)?.collect()
}

/// Names of what is kept in the table `progress`.
const RETAINED_TO: &str = "retained_to";
const CLOCK_MS: &str = "clock_ms";
const JUMP_MS: &str = "jump_ms";

/// Whether runs may be removed for their age by this time.
fn is_believed(connection: &mut Connection, now_ms: u64) -> rusqlite::Result<bool> {
    let number = |name| progress(connection, name).map(unsigned);
    let stored = RetentionClock { seen_ms: number(CLOCK_MS)?, jump_ms: number(JUMP_MS)? };
    let mut clock = stored;
    let is_believed = clock.read(now_ms);
    if clock.is_news(&stored) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        set_progress(&transaction, CLOCK_MS, super::sql(clock.seen_ms))?;
        set_progress(&transaction, JUMP_MS, super::sql(clock.jump_ms))?;
        transaction.commit()?;
    }
    Ok(is_believed)
}

fn progress(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    let known = "SELECT value FROM progress WHERE name = ?1";
    Ok(connection.prepare_cached(known)?.query_row([name], |row| row.get(0)).optional()?.unwrap_or(0))
}

fn set_progress(transaction: &Transaction<'_>, name: &str, value: i64) -> rusqlite::Result<usize> {
    let set = "INSERT INTO progress (name, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = ?2";
    transaction.execute(set, params![name, value])
}
