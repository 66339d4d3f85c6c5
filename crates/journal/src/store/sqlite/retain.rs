//! Removing what is over, and what is erased.

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};

use super::content::Size;
use super::{blocks, grow, tree, unsigned};
use crate::store::{GuestFolder, Retained, RetentionClock};
use crate::tree::Edge;
use crate::wire::{self, ExpiredBy};
use crate::{JournalError, Retention};

/// Runs that one step removes: a step takes milliseconds, and entries wait for it.
const STEP_RUNS: i64 = 32;
/// Private parts that one step removes, in bytes, but for the last one.
pub(super) const STEP_BYTES: i64 = 32 << 20;

/// For so long a run without an end may go on, or be brought back, in this process or another one: in milliseconds, from its start or from when
/// the last of its approvals expires.
const OPEN_MS: i64 = 24 * 60 * 60 * 1_000;

/// The next runs after a place.
const NEXT: &str = "SELECT first, id, started_ms, (ended_ms IS NULL OR outcome = 'awaiting-approval') AND (started_ms > ?3 \
    OR EXISTS (SELECT 1 FROM approvals WHERE run = first AND expires_ms > ?3)) AS is_open FROM runs \
    WHERE first > ?1 ORDER BY first LIMIT ?2";
/// Those of the runs that were stepped over which are over now.
const OVER: &str = "SELECT first, id, started_ms, FALSE FROM stepped_over s JOIN runs ON first = s.run \
    WHERE NOT ((ended_ms IS NULL OR outcome = 'awaiting-approval') AND (started_ms > ?2 \
    OR EXISTS (SELECT 1 FROM approvals a WHERE a.run = first AND expires_ms > ?2))) ORDER BY first LIMIT ?1";

/// A run or direct call that may be over.
struct Candidate {
    first: i64,
    id: String,
    started_ms: u64,
    /// It goes on or waits, as far as the database says.
    is_open: bool,
}

/// Removes some of the oldest runs that are over, records that, and removes objects and guests that no run names any more. Runs that go on
/// or wait are stepped over, and looked at again. `edge`: that of all records that this process knows.
pub(super) fn step(
    connection: &mut Connection,
    edge: &mut Edge,
    guests: &GuestFolder,
    (retention, now_ms): (Retention, u64),
    is_open: &(dyn Fn(&str) -> bool + Sync),
) -> rusqlite::Result<Retained> {
    let size = Size::of(connection)?;
    let is_large = size.content > retention.max_bytes;
    let is_believed = retention.max_age_ms == u64::MAX || is_believed(connection, now_ms)?;
    let before_ms = if is_believed { now_ms.saturating_sub(retention.max_age_ms) } else { 0 };
    let is_due = |run: &Candidate| is_large || run.started_ms < before_ms;
    let retained = Retained { waits: !is_believed, public_bytes: size.public, ..Retained::default() };
    let oldest = [stepped_over(connection, 1, now_ms)?, next_runs(connection, 1, now_ms)?];
    if !oldest.iter().flatten().any(is_due) {
        return Ok(retained);
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    tree::advance(&transaction, edge)?;
    let by = if is_large { ExpiredBy::Size } else { ExpiredBy::Age };
    let mut removing = Removing::new(&transaction, edge, (by, now_ms));
    for run in stepped_over(&transaction, STEP_RUNS, now_ms)? {
        if removing.has_room() && is_due(&run) && !is_open(&run.id) {
            removing.remove_stepped_over(run.first)?;
        }
    }
    for run in next_runs(&transaction, STEP_RUNS, now_ms)? {
        if !removing.has_room() || !is_due(&run) {
            break;
        }
        if run.is_open || is_open(&run.id) {
            removing.step_over(run.first)?;
        } else {
            removing.remove_next(run.first)?;
        }
    }
    let Removing { has_changed, is_recorded, .. } = removing.recorded()?;
    let unnamed_to = unnamed_to(&transaction)?;
    let objects = remove_objects(&transaction, unnamed_to)?;
    transaction.commit()?;
    let objects = objects + remove_guests(connection, guests, unnamed_to)?;
    Ok(Retained { more: has_changed, objects, is_recorded, ..retained })
}

/// A step under way.
struct Removing<'a> {
    connection: &'a Connection,
    edge: &'a mut Edge,
    by: ExpiredBy,
    at_ms: u64,
    left_bytes: i64,
    /// The first and the last run that were removed since the last record, with none between them that is kept.
    places: Option<(i64, i64)>,
    /// How many of them were not erased before.
    runs: u64,
    has_changed: bool,
    is_recorded: bool,
}

impl<'a> Removing<'a> {
    fn new(connection: &'a Connection, edge: &'a mut Edge, (by, at_ms): (ExpiredBy, u64)) -> Self {
        let (places, runs, has_changed, is_recorded) = Default::default();
        Self { connection, edge, by, at_ms, left_bytes: STEP_BYTES, places, runs, has_changed, is_recorded }
    }

    /// Whether the step may remove more.
    fn has_room(&self) -> bool {
        self.left_bytes > 0
    }

    /// Removes the next run.
    fn remove_next(&mut self, first: i64) -> rusqlite::Result<()> {
        if self.remove(first)? { self.pass(first) } else { Ok(()) }
    }

    /// Removes a run that was stepped over. It has a record of its own: those beside it are not removed with it.
    fn remove_stepped_over(&mut self, first: i64) -> rusqlite::Result<()> {
        let is_done = self.remove(first)?;
        self.record()?;
        if is_done {
            self.connection.execute("DELETE FROM stepped_over WHERE run = ?1", [first])?;
        }
        Ok(())
    }

    /// Leaves the next run, to be looked at again. No record of what is removed covers it.
    fn step_over(&mut self, first: i64) -> rusqlite::Result<()> {
        self.record()?;
        self.connection.execute("INSERT INTO stepped_over (run) VALUES (?1)", [first])?;
        self.pass(first)
    }

    fn pass(&mut self, first: i64) -> rusqlite::Result<()> {
        self.has_changed = true;
        set_progress(self.connection, RETAINED_TO, first)
    }

    /// Removes as much of a run as this step may. Returns whether nothing is left. The record that will be written comes next.
    fn remove(&mut self, first: i64) -> rusqlite::Result<bool> {
        self.has_changed = true;
        self.places = Some((self.places.map_or(first, |(least, _)| least), first));
        let marked = "UPDATE runs SET erased_by = ?2 WHERE first = ?1 AND erased_by IS NULL";
        self.runs += self.connection.execute(marked, params![first, super::sql(self.edge.size() + 1)])? as u64;
        remove(self.connection, first, &mut self.left_bytes)
    }

    /// Records what was removed since the last record.
    fn record(&mut self) -> rusqlite::Result<()> {
        let (places, runs) = (self.places.take(), std::mem::take(&mut self.runs));
        let Some((first, last)) = places.filter(|_| runs > 0) else { return Ok(()) };
        let head = wire::expired((unsigned(first), unsigned(last)), runs, self.by, self.at_ms).map_err(unwritable)?;
        self.is_recorded = true;
        tree::append(self.connection, self.edge, tree::NO_RUN, (wire::REMOVALS, &head), None)
    }

    fn recorded(mut self) -> rusqlite::Result<Self> {
        self.record()?;
        Ok(self)
    }
}

fn unwritable(error: JournalError) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(error.into())
}

/// The last run up to which none is left that may name anything.
fn unnamed_to(connection: &Connection) -> rusqlite::Result<i64> {
    let least = "SELECT min(run) - 1 FROM stepped_over";
    let kept: Option<i64> = connection.query_row(least, [], |row| row.get(0))?;
    let passed = progress(connection, RETAINED_TO)?;
    Ok(kept.map_or(passed, |kept| kept.min(passed)))
}

/// Removes the objects that no run after this one names. Returns how many.
fn remove_objects(connection: &Connection, last: i64) -> rusqlite::Result<usize> {
    let unnamed =
        "DELETE FROM object_bytes WHERE id IN (SELECT id FROM objects WHERE last_run <= ?1) RETURNING length(zstd)";
    let mut removed = connection.prepare(unnamed)?;
    let bytes: Vec<i64> = removed.query_map([last], |row| row.get(0))?.collect::<Result<_, _>>()?;
    grow(connection, -bytes.iter().sum::<i64>())?;
    Ok(bytes.len())
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
    let (mut seqs, mut removed_bytes) = (Vec::new(), 0);
    while *left_bytes > removed_bytes
        && let Some(row) = rows.next()?
    {
        seqs.push(row.get::<_, i64>(0)?);
        removed_bytes += row.get::<_, i64>(1)?;
    }
    *left_bytes -= removed_bytes;
    drop(rows);
    for seq in seqs {
        removed.execute([seq])?;
    }
    let (is_done, block_bytes) =
        if *left_bytes > 0 { blocks::remove(connection, first, left_bytes)? } else { (false, 0) };
    grow(connection, -(removed_bytes + block_bytes))?;
    Ok(is_done)
}

fn next_runs(connection: &Connection, limit: i64, now_ms: u64) -> rusqlite::Result<Vec<Candidate>> {
    let after = progress(connection, RETAINED_TO)?;
    let mut next = connection.prepare_cached(NEXT)?;
    next.query_map([after, limit, super::sql(now_ms) - OPEN_MS], candidate)?.collect()
}

fn stepped_over(connection: &Connection, limit: i64, now_ms: u64) -> rusqlite::Result<Vec<Candidate>> {
    let mut over = connection.prepare_cached(OVER)?;
    over.query_map([limit, super::sql(now_ms) - OPEN_MS], candidate)?.collect()
}

fn candidate(row: &rusqlite::Row<'_>) -> rusqlite::Result<Candidate> {
    Ok(Candidate { first: row.get(0)?, id: row.get(1)?, started_ms: unsigned(row.get(2)?), is_open: row.get(3)? })
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

fn set_progress(connection: &Connection, name: &str, value: i64) -> rusqlite::Result<()> {
    let set = "INSERT INTO progress (name, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = ?2";
    connection.execute(set, params![name, value]).map(drop)
}
