//! Runs that wait for approvals.

use exuvia_tool::RunId;

use super::{Ended, advance, begin, end, unavailable};
use crate::approvals::stored::RunRow;
use crate::approvals::{ApprovalError, HoldEnd, Lease, MAX_LISTED, OVER, WaitingRun};
use crate::index::text;
use crate::store::postgres::{Parameters, Session};
use crate::store::{sql, unsigned};

/// The columns of a run, and those of its approvals that are pending or were answered since it looked.
macro_rules! runs {
    ($rest:literal) => {
        concat!(
            "SELECT w.id, w.principal, w.role, w.profile, w.state, w.void_reason, w.since_ms, w.claims, w.holder, w.until_ms, ",
            "(SELECT count(*) FROM approvals a WHERE a.run = w.run AND a.state = 'pending'), ",
            "(SELECT count(*) FROM approvals a WHERE a.run = w.run AND a.state IN ('approved', 'denied', 'expired') ",
            "AND a.version > w.seen) FROM waiting_runs w ",
            $rest
        )
    };
}

const ONE: &str = runs!("WHERE w.id = $1");
const READY: &str = runs!(
    "WHERE w.run IN ((SELECT run FROM waiting_runs WHERE state = 'held' AND until_ms <= $1 ORDER BY since_ms LIMIT $2) \
     UNION ALL (SELECT run FROM waiting_runs WHERE state = 'parked' AND answered > seen ORDER BY since_ms LIMIT $2)) \
     ORDER BY w.since_ms LIMIT $2"
);
const CLAIM: &str = "UPDATE waiting_runs SET state = 'held', holder = $2, until_ms = $3, \
    claims = claims + (CASE WHEN holder IS DISTINCT FROM $2 THEN 1 ELSE 0 END) \
    WHERE id = $1 AND ended_ms IS NULL AND (holder IS NULL OR holder = $2 OR until_ms <= $4)";
const PARK: &str = "UPDATE waiting_runs SET state = 'parked', holder = NULL, until_ms = NULL, seen = $3 \
    WHERE id = $1 AND holder = $2 AND ended_ms IS NULL";
const END: &str = "UPDATE waiting_runs SET state = $3, void_reason = $4, holder = NULL, until_ms = NULL, ended_ms = $5 \
    WHERE id = $1 AND holder = $2 AND ended_ms IS NULL";
const OPEN: &str = "SELECT a.id FROM approvals a JOIN waiting_runs w ON w.run = a.run \
    WHERE w.id = $1 AND a.state IN ('pending', 'approved')";
const VOID: &str = "UPDATE approvals SET state = 'void', version = $2, void_reason = $3 WHERE id = $1";

pub(super) async fn waiting(session: &Session, run: &RunId) -> Result<Option<WaitingRun>, ApprovalError> {
    let row = session.query_opt(ONE, &[&text(run.as_str())]).await.map_err(unavailable)?;
    row.as_ref().map(waiting_run).transpose()
}

pub(super) async fn ready(session: &Session, now_ms: u64, limit: usize) -> Result<Vec<WaitingRun>, ApprovalError> {
    let limit = sql(limit.min(MAX_LISTED) as u64);
    let rows = session.query(READY, &[&sql(now_ms), &limit]).await.map_err(unavailable)?;
    rows.iter().map(waiting_run).collect()
}

pub(super) async fn claim(session: &Session, run: &RunId, lease: &Lease, now_ms: u64) -> Result<bool, ApprovalError> {
    let (until_ms, now_ms) = (sql(lease.until_ms), sql(now_ms));
    let claimed: Parameters<'_> = &[&text(run.as_str()), &lease.holder, &until_ms, &now_ms];
    Ok(session.execute(CLAIM, claimed).await.map_err(unavailable)? == 1)
}

pub(super) async fn release(
    session: &Session,
    (run, holder): (&RunId, &str),
    end_of_hold: &HoldEnd,
    now_ms: u64,
) -> Ended<bool> {
    begin(session).await?;
    let released = released(session, (run, holder), end_of_hold, now_ms).await;
    end(session, released).await
}

async fn released(
    session: &Session,
    (run, holder): (&RunId, &str),
    end: &HoldEnd,
    now_ms: u64,
) -> Result<bool, ApprovalError> {
    let id = text(run.as_str());
    let (state, reason) = match end {
        HoldEnd::Parked { seen } => {
            let parked = session.execute(PARK, &[&id, &holder, &sql(*seen)]).await.map_err(unavailable)?;
            return Ok(parked == 1);
        }
        HoldEnd::Done => ("done", None),
        HoldEnd::Void(reason) => ("void", Some(text(reason))),
    };
    // Nobody asks for, or answers, anything meanwhile.
    advance(session, 0).await?;
    let ended = session.execute(END, &[&id, &holder, &state, &reason, &sql(now_ms)]).await.map_err(unavailable)?;
    if ended != 1 {
        return Ok(false);
    }
    let reason = reason.as_deref().unwrap_or(OVER);
    for row in session.query(OPEN, &[&id]).await.map_err(unavailable)? {
        let approval: &str = row.try_get(0).map_err(unavailable)?;
        let version = advance(session, 1).await? + 1;
        session.execute(VOID, &[&approval, &sql(version), &reason]).await.map_err(unavailable)?;
    }
    Ok(true)
}

fn waiting_run(row: &tokio_postgres::Row) -> Result<WaitingRun, ApprovalError> {
    let number = |column| row.try_get::<_, i64>(column).map(unsigned).map_err(unavailable);
    let text = |column| row.try_get::<_, Option<String>>(column).map_err(unavailable);
    RunRow {
        id: row.try_get(0).map_err(unavailable)?,
        principal: row.try_get(1).map_err(unavailable)?,
        role: text(2)?,
        profile: text(3)?,
        state: row.try_get(4).map_err(unavailable)?,
        void_reason: text(5)?,
        since_ms: number(6)?,
        claims: number(7)?,
        holder: text(8)?,
        until_ms: row.try_get::<_, Option<i64>>(9).map_err(unavailable)?.map(unsigned),
        pending: number(10)?,
        answered: number(11)?,
    }
    .read()
}
