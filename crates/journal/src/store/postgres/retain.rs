//! Removing what is over, and the private parts of what is erased.

use super::log::{LOG, Log, commit, lock};
use super::session::Session;
use super::tree::{NO_RUN, advance, append};
use super::{blocks, sql, unavailable, unsigned};
use crate::store::{GuestFolder, Retained};
use crate::tree::Edge;
use crate::wire::{self, ExpiredBy, malformed};
use crate::{JournalError, Retention};

/// Runs that one step removes: a step takes milliseconds, and entries wait for it.
const STEP_RUNS: i64 = 32;
/// For so long a run without an end counts as one that another process has: in milliseconds.
const OTHERS_MS: u64 = 24 * 60 * 60 * 1_000;

const OLDEST: &str = "SELECT started_ms FROM runs WHERE first > $1 ORDER BY first LIMIT 1";
const NEXT: &str = "SELECT first, id, started_ms, ended_ms IS NULL FROM runs WHERE first > $1 ORDER BY first LIMIT $2";
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
const NAMED: &str = "SELECT sha256 FROM objects, log WHERE sha256 = ANY($1) AND last_run > retained_to";
const REMOVED: &str = "UPDATE log SET bytes = bytes - $1, retained_to = $2, removed_objects = removed_objects + $3";
const CLOCK: &str = "UPDATE log SET clock_ms = $1, jump_ms = $2";

/// What was removed.
pub(super) struct Removed {
    /// Runs and direct calls that were not erased before.
    runs: u64,
    /// Of private parts.
    pub(super) bytes: i64,
}

/// Removes some of the oldest runs that are over, records that, and removes objects that no run names any more. `edge`: that of all records
/// that this process knows. Returns how many objects were ever removed as well, by whichever process.
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
    let retained = Retained { waits: !is_believed, ..Retained::default() };
    if log.bytes <= retention.max_bytes && oldest_kept_ms(session, &log).await?.is_none_or(|oldest| oldest >= before_ms)
    {
        return Ok((retained, log.removed_objects));
    }
    // Others may have removed something meanwhile.
    let log = lock(session).await?;
    advance(session, edge, &log).await?;
    let is_large = log.bytes > retention.max_bytes;
    let is_kept = |id: &str, started_ms: u64, has_no_end: bool| {
        is_open(id)
            || has_no_end && started_ms.saturating_add(OTHERS_MS) > now_ms
            || !is_large && started_ms >= before_ms
    };
    let runs = next_runs(session, log.retained_to, is_kept).await?;
    let last = runs.last().copied().unwrap_or(log.retained_to);
    let removed = remove(session, &runs, edge.size() + 1).await?;
    let by = if is_large { ExpiredBy::Size } else { ExpiredBy::Age };
    let added = record(session, edge, &runs, removed.runs, (by, now_ms)).await?;
    let (objects, bytes) = remove_objects(session, last).await?;
    give_back(session, removed.bytes + bytes - added, last, objects).await?;
    commit(session).await?;
    let retained = Retained { more: !runs.is_empty(), is_recorded: added > 0, ..retained };
    Ok((retained, log.removed_objects + unsigned(objects)))
}

/// Records that retention removed so many of these runs. Returns the bytes of the record.
async fn record(
    session: &Session,
    edge: &mut Edge,
    firsts: &[i64],
    runs: u64,
    (by, at_ms): (ExpiredBy, u64),
) -> Result<i64, JournalError> {
    let (Some(first), Some(last), true) = (firsts.first(), firsts.last(), runs > 0) else { return Ok(0) };
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

/// Counts so many bytes less, and so many objects more that were removed.
pub(super) async fn give_back(session: &Session, bytes: i64, last: i64, objects: i64) -> Result<(), JournalError> {
    session.execute(REMOVED, &[&bytes, &last, &objects]).await.map(drop).map_err(unavailable)
}

async fn oldest_kept_ms(session: &Session, log: &Log) -> Result<Option<u64>, JournalError> {
    let row = session.query_opt(OLDEST, &[&log.retained_to]).await.map_err(unavailable)?;
    row.map(|row| row.try_get(0).map(unsigned)).transpose().map_err(unavailable)
}

/// The next runs up to one that is kept, by their first places.
async fn next_runs(
    session: &Session,
    after: i64,
    is_kept: impl Fn(&str, u64, bool) -> bool,
) -> Result<Vec<i64>, JournalError> {
    let mut runs = Vec::new();
    for row in session.query(NEXT, &[&after, &STEP_RUNS]).await.map_err(unavailable)? {
        let started_ms = row.try_get(2).map(unsigned).map_err(unavailable)?;
        if is_kept(row.try_get(1).map_err(unavailable)?, started_ms, row.try_get(3).map_err(unavailable)?) {
            break;
        }
        runs.push(row.try_get(0).map_err(unavailable)?);
    }
    Ok(runs)
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
