//! Reading approvals.

use exuvia_tool::ApprovalId;

use super::unavailable;
use crate::approvals::stored::{self, Row, malformed, of_journal};
use crate::approvals::{Approval, ApprovalChanges, ApprovalContent, ApprovalError, ApprovalFilter, MAX_LISTED};
use crate::store::postgres::{Session, supported};
use crate::store::{sql, unsigned};

const GET: &str = "SELECT a.id, a.version, a.state, a.used_ms, a.void_reason, a.json, a.answer, a.reason, k.key \
    FROM approvals a LEFT JOIN keys k ON k.run = a.run WHERE a.id = $1";
const LIST: &str = "SELECT a.id, a.version, a.state, a.used_ms, a.void_reason, a.json, a.answer, a.reason, k.key \
    FROM approvals a LEFT JOIN keys k ON k.run = a.run WHERE ($1::text IS NULL OR a.state = $1) \
    AND ($2::text IS NULL OR a.principal = $2) AND ($3::text IS NULL OR a.run = (SELECT first FROM runs WHERE id = $3)) \
    AND ($4::text IS NULL OR a.id < $4) ORDER BY a.id DESC LIMIT $5";
const LATER: &str = "SELECT a.id, a.version, a.state, a.used_ms, a.void_reason, a.json, a.answer, a.reason, k.key \
    FROM approvals a LEFT JOIN keys k ON k.run = a.run WHERE a.version > $1 AND a.version <= $2 ORDER BY a.version LIMIT $3";
const VERSION: &str = "SELECT a.version, l.version FROM approval_state a, log l";
const CONTENT: &str = "SELECT k.key, w.id, w.body, a.body FROM approvals a JOIN waiting_runs w ON w.run = a.run \
    JOIN keys k ON k.run = a.run WHERE a.id = $1 AND w.body IS NOT NULL AND a.body IS NOT NULL";

/// The version of all approvals.
async fn version(session: &Session) -> Result<u64, ApprovalError> {
    let row = session.query_opt(VERSION, &[]).await.map_err(unavailable)?;
    let row = row.ok_or_else(|| malformed("the row of the table `approval_state` is missing"))?;
    supported(row.try_get(1).map_err(unavailable)?).map_err(of_journal)?;
    row.try_get(0).map(unsigned).map_err(unavailable)
}

pub(super) async fn get(session: &Session, id: &ApprovalId) -> Result<Option<Approval>, ApprovalError> {
    version(session).await?;
    found(session, id).await
}

/// One approval, within whatever is going on.
pub(super) async fn found(session: &Session, id: &ApprovalId) -> Result<Option<Approval>, ApprovalError> {
    // PostgreSQL has no NUL in a text, and no approval has one in its id.
    if id.as_str().contains('\0') {
        return Ok(None);
    }
    let found = session.query_opt(GET, &[&id.as_str()]).await.map_err(unavailable)?;
    found.as_ref().map(approval).transpose()
}

pub(super) async fn list(session: &Session, filter: &ApprovalFilter) -> Result<Vec<Approval>, ApprovalError> {
    version(session).await?;
    let state = filter.state.map(crate::approvals::ApprovalState::name);
    let principal = filter.principal.as_ref().map(ToString::to_string);
    let run = filter.run.as_ref().map(|run| run.as_str().replace('\0', " "));
    let before = filter.before.as_ref().map(|before| before.as_str().replace('\0', " "));
    let limit = sql(filter.limit() as u64);
    let rows = session.query(LIST, &[&state, &principal, &run, &before, &limit]).await.map_err(unavailable)?;
    let mut list = rows.iter().map(approval).collect::<Result<Vec<_>, _>>()?;
    list.retain(|approval| filter.state.is_none_or(|state| state == approval.state));
    Ok(list)
}

pub(super) async fn content(session: &Session, id: &ApprovalId) -> Result<Option<ApprovalContent>, ApprovalError> {
    version(session).await?;
    if id.as_str().contains('\0') {
        return Ok(None);
    }
    let Some(row) = session.query_opt(CONTENT, &[&id.as_str()]).await.map_err(unavailable)? else { return Ok(None) };
    let key = key(row.try_get(0).map_err(unavailable)?)?.unwrap_or_default();
    let run: &str = row.try_get(1).map_err(unavailable)?;
    let (script, arguments) = (row.try_get(2).map_err(unavailable)?, row.try_get(3).map_err(unavailable)?);
    stored::content(&key.into(), (run, id), script, arguments).map(Some)
}

pub(super) async fn changes(session: &Session, after: u64) -> Result<ApprovalChanges, ApprovalError> {
    let version = version(session).await?;
    if version <= after {
        return Ok(ApprovalChanges { version, is_whole: true, approvals: Vec::new() });
    }
    // What is written after the version was read is told the next time.
    let limit = sql(MAX_LISTED as u64);
    let rows = session.query(LATER, &[&sql(after), &sql(version), &limit]).await.map_err(unavailable)?;
    Ok(ApprovalChanges::of(version, rows.iter().map(approval).collect::<Result<_, _>>()?))
}

fn approval(row: &tokio_postgres::Row) -> Result<Approval, ApprovalError> {
    let number = |column| row.try_get::<_, i64>(column).map(unsigned).map_err(unavailable);
    let text = |column| row.try_get::<_, Option<String>>(column).map_err(unavailable);
    Row {
        id: row.try_get(0).map_err(unavailable)?,
        version: number(1)?,
        state: row.try_get(2).map_err(unavailable)?,
        used_ms: row.try_get::<_, Option<i64>>(3).map_err(unavailable)?.map(unsigned),
        void_reason: text(4)?,
        json: row.try_get(5).map_err(unavailable)?,
        answer: text(6)?,
        reason: row.try_get(7).map_err(unavailable)?,
        key: key(row.try_get(8).map_err(unavailable)?)?,
    }
    .read()
}

/// A key as it stands in the table `keys`.
pub(super) fn key(bytes: Option<&[u8]>) -> Result<Option<[u8; 32]>, ApprovalError> {
    bytes.map(|bytes| <[u8; 32]>::try_from(bytes).map_err(|_| malformed("a key has 32 bytes"))).transpose()
}
