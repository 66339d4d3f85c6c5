//! Removing what is over, and what is erased.

use super::log::{LOG, Log, commit, lock};
use super::session::Session;
use super::{unavailable, unsigned};
use crate::store::GuestFolder;
use crate::wire::malformed;
use crate::{JournalError, Retention};

/// Runs that one step removes: a step takes milliseconds, and entries wait for it.
const STEP_RUNS: i64 = 32;
/// For so long a run without an end counts as one that another process has: in milliseconds.
const OTHERS_MS: u64 = 24 * 60 * 60 * 1_000;

const OLDEST: &str = "SELECT started_ms FROM runs WHERE first > $1 ORDER BY first LIMIT 1";
const NEXT: &str = "SELECT first, id, started_ms, ended_ms IS NULL FROM runs WHERE first > $1 ORDER BY first LIMIT $2";
const FIRST: &str = "SELECT first FROM runs WHERE id = $1";
const BODIES: &str = "SELECT coalesce(sum(octet_length(body)), 0)::int8 FROM records WHERE run = ANY($1)";
const REMOVALS: [&str; 4] = [
    "DELETE FROM keys WHERE run = ANY($1)",
    "UPDATE records SET body = NULL WHERE run = ANY($1) AND body IS NOT NULL",
    "UPDATE calls SET error = NULL WHERE run = ANY($1) AND error IS NOT NULL",
    "UPDATE runs SET is_erased = true, error = NULL WHERE first = ANY($1)",
];
const UNNAMED: &str = "WITH removed AS (DELETE FROM object_bytes o USING objects n WHERE n.sha256 = o.sha256 AND n.last_run <= $1 \
    RETURNING octet_length(zstd) AS bytes) SELECT count(*), coalesce(sum(bytes), 0)::int8 FROM removed";
const NAMED: &str = "SELECT sha256 FROM objects, log WHERE sha256 = ANY($1) AND last_run > retained_to";
const REMOVED: &str = "UPDATE log SET bytes = bytes - $1, retained_to = $2, removed_objects = removed_objects + $3";

/// Removes some of the oldest runs that are over, and objects that no run names any more. Returns whether there may be more of them, and how many
/// objects were ever removed, by whichever process.
pub(super) async fn step(
    session: &Session,
    retention: Retention,
    now_ms: u64,
    is_open: &(dyn Fn(&str) -> bool + Sync),
) -> Result<(bool, u64), JournalError> {
    let before_ms = now_ms.saturating_sub(retention.max_age_ms);
    let row = session.query_opt(LOG, &[]).await.map_err(unavailable)?;
    let log = Log::of(&row.ok_or_else(|| malformed("the table `log` is empty"))?)?;
    if log.bytes <= retention.max_bytes && oldest_kept_ms(session, &log).await?.is_none_or(|oldest| oldest >= before_ms)
    {
        return Ok((false, log.removed_objects));
    }
    // Others may have removed something meanwhile.
    let log = lock(session).await?;
    let is_large = log.bytes > retention.max_bytes;
    let is_kept = |id: &str, started_ms: u64, has_no_end: bool| {
        is_open(id)
            || has_no_end && started_ms.saturating_add(OTHERS_MS) > now_ms
            || !is_large && started_ms >= before_ms
    };
    let runs = next_runs(session, log.retained_to, is_kept).await?;
    let last = runs.last().copied().unwrap_or(log.retained_to);
    let bodies = remove(session, &runs).await?;
    let (objects, bytes) = remove_objects(session, last).await?;
    session.execute(REMOVED, &[&(bodies + bytes), &last, &objects]).await.map_err(unavailable)?;
    commit(session).await?;
    Ok((!runs.is_empty(), log.removed_objects + unsigned(objects)))
}

/// Drops the key and the private parts of a run or direct call. Returns whether there was one.
///
/// # Errors
///
/// The server cannot be reached.
pub(super) async fn erase(session: &Session, id: &str) -> Result<bool, JournalError> {
    let log = lock(session).await?;
    let row = session.query_opt(FIRST, &[&id]).await.map_err(unavailable)?;
    let first: Option<i64> = row.map(|row| row.try_get(0)).transpose().map_err(unavailable)?;
    if let Some(first) = first {
        let bodies = remove(session, &[first]).await?;
        session.execute(REMOVED, &[&bodies, &log.retained_to, &0_i64]).await.map_err(unavailable)?;
    }
    commit(session).await?;
    Ok(first.is_some())
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

/// Drops the keys and private parts of the runs that begin at these places. Returns the bytes of their bodies.
async fn remove(session: &Session, firsts: &[i64]) -> Result<i64, JournalError> {
    if firsts.is_empty() {
        return Ok(0);
    }
    let row = session.query_opt(BODIES, &[&firsts]).await.map_err(unavailable)?;
    let bytes = row.map_or(Ok(0), |row| row.try_get(0)).map_err(unavailable)?;
    for removal in REMOVALS {
        session.execute(removal, &[&firsts]).await.map_err(unavailable)?;
    }
    Ok(bytes)
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
