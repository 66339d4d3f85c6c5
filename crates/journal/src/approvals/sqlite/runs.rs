//! Runs that wait for approvals.

use exuvia_tool::RunId;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::{advance, unavailable, writing};
use crate::approvals::stored::{RunRow, of_journal};
use crate::approvals::{ApprovalError, HoldEnd, Lease, MAX_LISTED, OVER, WaitingRun};
use crate::store::sqlite::check;
use crate::store::{sql, unsigned};

const ROW: &str = "SELECT w.id, w.principal, w.role, w.profile, w.state, w.void_reason, w.since_ms, w.claims, w.holder, w.until_ms, \
    (SELECT count(*) FROM approvals a WHERE a.run = w.run AND a.state = 'pending'), \
    (SELECT count(*) FROM approvals a WHERE a.run = w.run AND a.state IN ('approved', 'denied', 'expired') AND a.version > w.seen) \
    FROM waiting_runs w";
const HELD: &str = "WHERE w.state = 'held' AND w.until_ms <= ?1 ORDER BY w.since_ms LIMIT ?2";
const ANSWERED: &str = "WHERE w.state = 'parked' AND w.answered > w.seen ORDER BY w.since_ms LIMIT ?1";
const CLAIM: &str = "UPDATE waiting_runs SET state = 'held', holder = ?2, until_ms = ?3, claims = claims + (holder IS NOT ?2) \
    WHERE id = ?1 AND ended_ms IS NULL AND (holder IS NULL OR holder = ?2 OR until_ms <= ?4)";
const PARK: &str = "UPDATE waiting_runs SET state = 'parked', holder = NULL, until_ms = NULL, seen = ?3 \
    WHERE id = ?1 AND holder = ?2 AND ended_ms IS NULL";
const END: &str = "UPDATE waiting_runs SET state = ?3, void_reason = ?4, holder = NULL, until_ms = NULL, ended_ms = ?5 \
    WHERE id = ?1 AND holder = ?2 AND ended_ms IS NULL";
const OPEN: &str = "SELECT a.id FROM approvals a JOIN waiting_runs w ON w.run = a.run \
    WHERE w.id = ?1 AND a.state IN ('pending', 'approved')";
const VOID: &str = "UPDATE approvals SET state = 'void', version = ?2, void_reason = ?3 WHERE id = ?1";

pub(super) fn waiting(connection: &Connection, run: &RunId) -> Result<Option<WaitingRun>, ApprovalError> {
    check(connection).map_err(of_journal)?;
    let found = connection.query_row(&format!("{ROW} WHERE w.id = ?1"), [run.as_str()], row).optional();
    found.map_err(unavailable)?.map(RunRow::read).transpose()
}

pub(super) fn ready(connection: &mut Connection, now_ms: u64, limit: usize) -> Result<Vec<WaitingRun>, ApprovalError> {
    check(connection).map_err(of_journal)?;
    let limit = sql(limit.min(MAX_LISTED) as u64);
    let state = connection.transaction().map_err(unavailable)?;
    let mut rows = Vec::new();
    let mut held = state.prepare_cached(&format!("{ROW} {HELD}")).map_err(unavailable)?;
    for found in held.query_map([sql(now_ms), limit], row).map_err(unavailable)? {
        rows.push(found.map_err(unavailable)?);
    }
    let mut answered = state.prepare_cached(&format!("{ROW} {ANSWERED}")).map_err(unavailable)?;
    for found in answered.query_map([limit], row).map_err(unavailable)? {
        rows.push(found.map_err(unavailable)?);
    }
    let mut ready = rows.into_iter().map(RunRow::read).collect::<Result<Vec<_>, _>>()?;
    ready.sort_by_key(|run| run.since_ms);
    ready.truncate(usize::try_from(limit).unwrap_or(MAX_LISTED));
    Ok(ready)
}

pub(super) fn claim(
    connection: &mut Connection,
    run: &RunId,
    lease: &Lease,
    now_ms: u64,
) -> Result<bool, ApprovalError> {
    let transaction = writing(connection)?;
    let claimed = params![run.as_str(), lease.holder, sql(lease.until_ms), sql(now_ms)];
    let claimed = transaction.execute(CLAIM, claimed).map_err(unavailable)?;
    transaction.commit().map_err(unavailable)?;
    Ok(claimed == 1)
}

pub(super) fn release(
    connection: &mut Connection,
    (run, holder): (&RunId, &str),
    end: &HoldEnd,
    now_ms: u64,
) -> Result<bool, ApprovalError> {
    let transaction = writing(connection)?;
    let (state, reason) = match end {
        HoldEnd::Parked { seen } => {
            let parked = transaction.execute(PARK, params![run.as_str(), holder, sql(*seen)]).map_err(unavailable)?;
            transaction.commit().map_err(unavailable)?;
            return Ok(parked == 1);
        }
        HoldEnd::Done => ("done", None),
        HoldEnd::Void(reason) => ("void", Some(reason.as_str())),
    };
    let ended = params![run.as_str(), holder, state, reason, sql(now_ms)];
    if transaction.execute(END, ended).map_err(unavailable)? != 1 {
        return Ok(false);
    }
    void(&transaction, run, reason.unwrap_or(OVER)).and_then(|()| transaction.commit()).map_err(unavailable)?;
    Ok(true)
}

/// Makes void what is open of a run.
fn void(transaction: &Transaction<'_>, run: &RunId, reason: &str) -> rusqlite::Result<()> {
    let mut open = transaction.prepare_cached(OPEN)?;
    let open: Vec<String> = open.query_map([run.as_str()], |row| row.get(0))?.collect::<Result<_, _>>()?;
    for id in open {
        let version = advance(transaction)?;
        transaction.prepare_cached(VOID)?.execute(params![id, version, reason])?;
    }
    Ok(())
}

fn row(row: &rusqlite::Row<'_>) -> rusqlite::Result<RunRow> {
    let number = |index| row.get(index).map(unsigned);
    Ok(RunRow {
        id: row.get(0)?,
        principal: row.get(1)?,
        role: row.get(2)?,
        profile: row.get(3)?,
        state: row.get(4)?,
        void_reason: row.get(5)?,
        since_ms: number(6)?,
        claims: number(7)?,
        holder: row.get(8)?,
        until_ms: row.get::<_, Option<i64>>(9)?.map(unsigned),
        pending: number(10)?,
        answered: number(11)?,
    })
}
