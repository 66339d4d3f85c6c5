//! Removing what is over, and the private parts of what is erased.

use tokio_postgres::Row;

use super::log::{Grown, LOG, Log, commit, grow, lock};
use super::session::Session;
use super::tree::{NO_RUN, advance, append};
use super::{Parameters, blocks, sql, unavailable, unsigned};
use crate::store::{GuestFolder, Retained};
use crate::tree::Edge;
use crate::wire::{self, ExpiredBy, malformed};
use crate::{JournalError, Retention};

/// Runs that one step removes: a step takes milliseconds, and entries wait for it.
const STEP_RUNS: i64 = 32;
/// For so long a run without an end may go on, or be brought back, in this process or another one: in milliseconds, from its start or from when
/// the last of its approvals expires.
const OPEN_MS: i64 = 24 * 60 * 60 * 1_000;

/// The next runs after a place.
const NEXT: &str = "SELECT first, id, started_ms, (ended_ms IS NULL OR outcome = 'awaiting-approval') AND (started_ms > $3 \
    OR EXISTS (SELECT 1 FROM approvals WHERE run = first AND expires_ms > $3)) FROM runs \
    WHERE first > $1 ORDER BY first LIMIT $2";
/// Those of the runs that were stepped over which are over now.
const OVER: &str = "SELECT first, id, started_ms, FALSE FROM stepped_over s JOIN runs ON first = s.run \
    WHERE NOT ((ended_ms IS NULL OR outcome = 'awaiting-approval') AND (started_ms > $2 \
    OR EXISTS (SELECT 1 FROM approvals a WHERE a.run = first AND expires_ms > $2))) ORDER BY first LIMIT $1";
const STEP_OVER: &str = "INSERT INTO stepped_over SELECT * FROM unnest($1::int8[])";
const FORGET: &str = "DELETE FROM stepped_over WHERE run = ANY($1)";
/// The last run up to which none is left that may name anything.
const UNNAMED_TO: &str = "SELECT least($1, (SELECT min(run) - 1 FROM stepped_over))";
const BODIES: &str = "SELECT coalesce(sum(octet_length(body)), 0)::int8 FROM records WHERE run = ANY($1)";
const REMOVALS: [&str; 6] = [
    "DELETE FROM keys WHERE run = ANY($1)",
    "UPDATE records SET body = NULL WHERE run = ANY($1) AND body IS NOT NULL",
    "UPDATE calls SET error = NULL WHERE run = ANY($1) AND error IS NOT NULL",
    "UPDATE runs SET error = NULL WHERE first = ANY($1) AND error IS NOT NULL",
    // In the order in which others lock these rows.
    "UPDATE waiting_runs SET body = NULL WHERE run = ANY($1)",
    "UPDATE approvals SET reason = NULL, body = NULL, expires_ms = 0 WHERE run = ANY($1)",
];
const MARK: &str = "UPDATE runs SET erased_by = $2 WHERE first = ANY($1) AND erased_by IS NULL";
const UNNAMED: &str = "WITH removed AS (DELETE FROM object_bytes o USING objects n WHERE n.sha256 = o.sha256 AND n.last_run <= $1 \
    RETURNING octet_length(zstd) AS bytes) SELECT count(*), coalesce(sum(bytes), 0)::int8 FROM removed";
const NAMED: &str = "SELECT sha256 FROM objects, log WHERE sha256 = ANY($1) \
    AND last_run > least(retained_to, (SELECT min(run) - 1 FROM stepped_over))";
const PASSED: &str = "UPDATE log SET retained_to = $1, removed_objects = removed_objects + $2";
const CLOCK: &str = "UPDATE log SET clock_ms = $1, jump_ms = $2";

/// What was removed.
pub(super) struct Removed {
    /// Runs and direct calls that were not erased before.
    runs: u64,
    /// Of private parts.
    pub(super) bytes: i64,
}

/// A run or direct call that may be over.
struct Candidate {
    first: i64,
    id: String,
    started_ms: u64,
    /// It goes on or waits, as far as the database says.
    is_open: bool,
}

/// What a step does.
#[derive(Default)]
struct Plan {
    /// What it removes, in stretches with no run between that is kept: each has a record.
    stretches: Vec<Vec<i64>>,
    /// The next runs that it steps over.
    stepped_over: Vec<i64>,
    /// Those of earlier steps that it removes.
    forgotten: Vec<i64>,
    /// The last of the next runs. None: it goes on to none.
    last: Option<i64>,
}

/// Removes some of the oldest runs that are over, records that, and removes objects that no run names any more. Runs that go on or wait are
/// stepped over, and looked at again. `edge`: that of all records that this process knows. Returns how many objects were ever removed as
/// well, by whichever process.
pub(super) async fn step(
    session: &Session,
    edge: &mut Edge,
    (retention, now_ms): (Retention, u64),
    is_open: &(dyn Fn(&str) -> bool + Sync),
) -> Result<(Retained, u64), JournalError> {
    let row = session.query_opt(LOG, &[]).await.map_err(unavailable)?;
    let log = Log::of(&row.ok_or_else(|| malformed("the table `log` is empty"))?)?;
    let is_believed = retention.max_age_ms == u64::MAX || is_believed(session, &log, now_ms).await?;
    let before_ms = if is_believed { now_ms.saturating_sub(retention.max_age_ms) } else { 0 };
    let is_large = |log: &Log| log.size_bytes.content > retention.max_bytes;
    let public_bytes = log.size_bytes.all.saturating_sub(log.size_bytes.content);
    let retained = Retained { waits: !is_believed, public_bytes, ..Retained::default() };
    let is_due = |log: &Log, run: &Candidate| is_large(log) || run.started_ms < before_ms;
    let oldest = [stepped_over(session, 1, now_ms).await?, next_runs(session, &log, 1, now_ms).await?];
    if !oldest.iter().flatten().any(|run| is_due(&log, run)) {
        return Ok((retained, log.removed_objects));
    }
    // Others may have removed something meanwhile.
    let log = lock(session).await?;
    advance(session, edge, &log).await?;
    let over = stepped_over(session, STEP_RUNS, now_ms).await?;
    let next = next_runs(session, &log, STEP_RUNS, now_ms).await?;
    let plan = Plan::of(over, next, |run| is_due(&log, run), is_open);
    let by = if is_large(&log) { ExpiredBy::Size } else { ExpiredBy::Age };
    let (mut grown, mut is_recorded) = (Grown::default(), false);
    for runs in &plan.stretches {
        let removed = remove(session, runs, edge.size() + 1).await?;
        let added = record(session, edge, runs, removed.runs, (by, now_ms)).await?;
        is_recorded |= added.heads > 0;
        grown = grown + added + Grown { heads: 0, content: -removed.bytes };
    }
    let (last, objects, bytes) = plan.pass(session, log.retained_to).await?;
    grow(session, grown + Grown { heads: 0, content: -bytes }).await?;
    session.execute(PASSED, &[&last, &objects]).await.map_err(unavailable)?;
    commit(session).await?;
    Ok((Retained { more: plan.has_changes(), is_recorded, ..retained }, log.removed_objects + unsigned(objects)))
}

impl Plan {
    fn of(
        over: Vec<Candidate>,
        next: Vec<Candidate>,
        is_due: impl Fn(&Candidate) -> bool,
        is_open: &(dyn Fn(&str) -> bool + Sync),
    ) -> Self {
        let over = over.into_iter().filter(|run| is_due(run) && !is_open(&run.id));
        let forgotten: Vec<i64> = over.map(|run| run.first).collect();
        let mut plan =
            Self { stretches: forgotten.iter().map(|first| vec![*first]).collect(), forgotten, ..Self::default() };
        let mut stretch = Vec::new();
        for run in next.into_iter().take_while(is_due) {
            plan.last = Some(run.first);
            if run.is_open || is_open(&run.id) {
                plan.stepped_over.push(run.first);
                plan.stretches.push(std::mem::take(&mut stretch));
            } else {
                stretch.push(run.first);
            }
        }
        plan.stretches.push(stretch);
        plan.stretches.retain(|stretch| !stretch.is_empty());
        plan
    }

    fn has_changes(&self) -> bool {
        self.last.is_some() || !self.forgotten.is_empty()
    }

    /// Notes how far the step has come, and removes the objects that no run names any more. Returns the last run that was passed, how many objects
    /// that are, and their bytes.
    async fn pass(&self, session: &Session, before: i64) -> Result<(i64, i64, i64), JournalError> {
        let last = self.last.unwrap_or(before);
        session.execute(STEP_OVER, &[&self.stepped_over]).await.map_err(unavailable)?;
        session.execute(FORGET, &[&self.forgotten]).await.map_err(unavailable)?;
        let row = session.query_opt(UNNAMED_TO, &[&last]).await.map_err(unavailable)?;
        let unnamed_to = row.map_or(Ok(last), |row| row.try_get(0)).map_err(unavailable)?;
        let (objects, bytes) = remove_objects(session, unnamed_to).await?;
        Ok((last, objects, bytes))
    }
}

/// Records that retention removed so many of these runs. Returns what that adds.
async fn record(
    session: &Session,
    edge: &mut Edge,
    firsts: &[i64],
    runs: u64,
    (by, at_ms): (ExpiredBy, u64),
) -> Result<Grown, JournalError> {
    let (Some(first), Some(last), true) = (firsts.first(), firsts.last(), runs > 0) else {
        return Ok(Grown::default());
    };
    let head = wire::expired((unsigned(*first), unsigned(*last)), runs, by, at_ms)?;
    append(session, edge, NO_RUN, (wire::REMOVALS, &head), None).await
}

/// Whether runs may be removed for their age by this time.
async fn is_believed(session: &Session, log: &Log, now_ms: u64) -> Result<bool, JournalError> {
    let mut clock = log.clock;
    let is_believed = clock.read(now_ms);
    if clock.is_news(&log.clock) {
        session.execute(CLOCK, &[&sql(clock.seen_ms), &sql(clock.jump_ms)]).await.map_err(unavailable)?;
    }
    Ok(is_believed)
}

async fn next_runs(session: &Session, log: &Log, limit: i64, now_ms: u64) -> Result<Vec<Candidate>, JournalError> {
    let open_after = sql(now_ms) - OPEN_MS;
    candidates(session, NEXT, &[&log.retained_to, &limit, &open_after]).await
}

async fn stepped_over(session: &Session, limit: i64, now_ms: u64) -> Result<Vec<Candidate>, JournalError> {
    let open_after = sql(now_ms) - OPEN_MS;
    candidates(session, OVER, &[&limit, &open_after]).await
}

async fn candidates(
    session: &Session,
    statement: &'static str,
    parameters: Parameters<'_>,
) -> Result<Vec<Candidate>, JournalError> {
    let rows = session.query(statement, parameters).await.map_err(unavailable)?;
    let candidate = |row: &Row| {
        let started_ms = unsigned(row.try_get(2)?);
        Ok(Candidate { first: row.try_get(0)?, id: row.try_get(1)?, started_ms, is_open: row.try_get(3)? })
    };
    rows.iter().map(candidate).collect::<Result<_, _>>().map_err(unavailable)
}

/// Drops the keys and private parts of the runs that begin at these places. `by`: the place of the record of that.
pub(super) async fn remove(session: &Session, firsts: &[i64], by: u64) -> Result<Removed, JournalError> {
    if firsts.is_empty() {
        return Ok(Removed { runs: 0, bytes: 0 });
    }
    let row = session.query_opt(BODIES, &[&firsts]).await.map_err(unavailable)?;
    let bytes = row.map_or(Ok(0), |row| row.try_get(0)).map_err(unavailable)?;
    for removal in REMOVALS {
        session.execute(removal, &[&firsts]).await.map_err(unavailable)?;
    }
    let block_bytes = blocks::remove(session, firsts).await?;
    let runs = session.execute(MARK, &[&firsts, &sql(by)]).await.map_err(unavailable)?;
    Ok(Removed { runs, bytes: bytes + block_bytes })
}

/// Removes the objects that no later run names. Returns how many, and their bytes.
async fn remove_objects(session: &Session, last: i64) -> Result<(i64, i64), JournalError> {
    let row = session.query_opt(UNNAMED, &[&last]).await.map_err(unavailable)?;
    let row = row.ok_or_else(|| malformed("a count without a row"))?;
    Ok((row.try_get(0).map_err(unavailable)?, row.try_get(1).map_err(unavailable)?))
}

/// Removes the guests in the folder of this process that no run names any more. Returns how many. What cannot be removed now is removed later.
///
/// # Errors
///
/// The server cannot be reached.
pub(super) async fn remove_guests(session: &Session, guests: &GuestFolder) -> Result<usize, JournalError> {
    let digests = guests.digests().unwrap_or_default();
    let rows = session.query(NAMED, &[&digests]).await.map_err(unavailable)?;
    let named: Vec<String> = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>().map_err(unavailable)?;
    let unnamed = digests.iter().filter(|digest| !named.contains(digest));
    Ok(unnamed.filter(|digest| guests.remove(digest).is_ok()).count())
}
