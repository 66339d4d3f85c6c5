//! Letting expire what is over, and removing what nobody needs any more.

use super::{Ended, advance, begin, end, unavailable};
use crate::approvals::{ApprovalError, ERASED, SWEPT_AT_ONCE, Swept};
use crate::store::postgres::Session;
use crate::store::sql;

const IS_DUE: &str = "SELECT EXISTS (SELECT 1 FROM approvals WHERE state IN ('pending', 'approved') AND expires_ms <= $1) \
    OR EXISTS (SELECT 1 FROM waiting_runs WHERE ended_ms < $2)";
/// What somebody else has locked is swept the next time.
const OVER: &str = "SELECT a.id, a.run, EXISTS (SELECT 1 FROM keys k WHERE k.run = a.run) \
    FROM approvals a JOIN waiting_runs w ON w.run = a.run WHERE a.state IN ('pending', 'approved') AND a.expires_ms <= $1 \
    ORDER BY a.expires_ms LIMIT $2 FOR UPDATE OF a, w SKIP LOCKED";
const SET: &str = "UPDATE approvals SET state = $2, version = $3, void_reason = $4 WHERE id = $1";
const ANSWERED: &str = "UPDATE waiting_runs SET answered = $2 WHERE run = $1";
const ENDED: &str = "SELECT run FROM waiting_runs WHERE ended_ms < $1 LIMIT $2 FOR UPDATE SKIP LOCKED";
const REMOVALS: [&str; 2] =
    ["DELETE FROM approvals WHERE run = ANY($1)", "DELETE FROM waiting_runs WHERE run = ANY($1)"];

pub(super) async fn sweep(session: &Session, now_ms: u64, keep_ms: u64) -> Ended<Swept> {
    let before_ms = now_ms.saturating_sub(keep_ms);
    let due = session.query_opt(IS_DUE, &[&sql(now_ms), &sql(before_ms)]).await.map_err(unavailable)?;
    if !due.map_or(Ok(false), |row| row.try_get(0)).map_err(unavailable)? {
        return Ok(Ok(Swept::default()));
    }
    begin(session).await?;
    let swept = swept(session, now_ms, before_ms).await;
    end(session, swept).await
}

async fn swept(session: &Session, now_ms: u64, before_ms: u64) -> Result<Swept, ApprovalError> {
    let most = sql(SWEPT_AT_ONCE);
    advance(session, 0).await?;
    let over = session.query(OVER, &[&sql(now_ms), &most]).await.map_err(unavailable)?;
    let before = advance(session, over.len() as u64).await?;
    for (version, row) in (before + 1..).zip(&over) {
        let (id, run): (&str, i64) = (row.try_get(0).map_err(unavailable)?, row.try_get(1).map_err(unavailable)?);
        let is_kept: bool = row.try_get(2).map_err(unavailable)?;
        let (state, reason) = if is_kept { ("expired", None) } else { ("void", Some(ERASED)) };
        session.execute(SET, &[&id, &state, &sql(version), &reason]).await.map_err(unavailable)?;
        session.execute(ANSWERED, &[&run, &sql(version)]).await.map_err(unavailable)?;
    }
    let ended = session.query(ENDED, &[&sql(before_ms), &most]).await.map_err(unavailable)?;
    let runs: Vec<i64> = ended.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>().map_err(unavailable)?;
    for removal in REMOVALS {
        session.execute(removal, &[&runs]).await.map_err(unavailable)?;
    }
    let is_full = |found: usize| found as u64 == SWEPT_AT_ONCE;
    Ok(Swept { has_changed: !over.is_empty(), has_more: is_full(over.len()) || is_full(runs.len()) })
}
