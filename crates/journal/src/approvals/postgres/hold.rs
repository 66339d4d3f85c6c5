//! Asking for approvals.

use super::{Ended, advance, begin, end, unavailable};
use crate::approvals::stored::{facts, malformed, sealed_arguments, sealed_script};
use crate::approvals::{Approval, ApprovalBounds, ApprovalError, ApprovalErrorKind, HeldRun, NewApproval};
use crate::index::text;
use crate::seal::RunKey;
use crate::store::postgres::{Parameters, Session};
use crate::store::{sql, unsigned};

const RUN: &str = "SELECT first, key FROM runs LEFT JOIN keys ON keys.run = runs.first WHERE id = $1 AND NOT is_direct";
const WAITING: &str = "SELECT holder, ended_ms FROM waiting_runs WHERE run = $1 FOR UPDATE";
const BEGIN: &str = "INSERT INTO waiting_runs (run, id, principal, role, profile, state, since_ms, body) \
    VALUES ($1, $2, $3, $4, $5, 'held', $6, $7)";
const HELD: &str = "UPDATE waiting_runs SET state = 'held', since_ms = $2, holder = $3, until_ms = $4 WHERE run = $1";
const PENDING: &str =
    "SELECT count(*), count(CASE WHEN principal = $1 THEN 1 END) FROM approvals WHERE state = 'pending'";
const RUNS: &str =
    "SELECT count(*), count(CASE WHEN principal = $1 THEN 1 END) FROM waiting_runs WHERE ended_ms IS NULL";
const ASK: &str = "INSERT INTO approvals (id, run, version, state, principal, call, expires_ms, json, body) \
    VALUES ($1, $2, $3, 'pending', $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING";

pub(super) async fn hold(
    session: &Session,
    run: &HeldRun,
    asked: &[NewApproval],
    bounds: &ApprovalBounds,
) -> Ended<Vec<Approval>> {
    begin(session).await?;
    let held = held(session, run, asked, bounds).await;
    end(session, held).await
}

async fn held(
    session: &Session,
    run: &HeldRun,
    asked: &[NewApproval],
    bounds: &ApprovalBounds,
) -> Result<Vec<Approval>, ApprovalError> {
    let before = advance(session, asked.len() as u64).await?;
    let (first, key) = recorded(session, run).await?;
    wait(session, first, run, asked, &key).await?;
    check_room(session, run, asked.len() as u64, bounds).await?;
    let mut all = Vec::with_capacity(asked.len());
    for (version, new) in (before + 1..).zip(asked) {
        let approval = Approval { version, ..Approval::asked(run, new) };
        ask(session, first, &approval, &sealed_arguments(&key, new)?).await?;
        all.push(approval);
    }
    Ok(all)
}

/// The place of the first record of the run, and its key.
async fn recorded(session: &Session, run: &HeldRun) -> Result<(i64, RunKey), ApprovalError> {
    let row = session.query_opt(RUN, &[&run.run.as_str()]).await.map_err(unavailable)?;
    let row = row.ok_or_else(|| ApprovalError::new(ApprovalErrorKind::NoRecord))?;
    let key = row.try_get::<_, Option<&[u8]>>(1).map_err(unavailable)?;
    let key = key.ok_or_else(|| ApprovalError::new(ApprovalErrorKind::Erased))?;
    let key = <[u8; 32]>::try_from(key).map_err(|_| malformed("a key has 32 bytes"))?;
    Ok((row.try_get(0).map_err(unavailable)?, key.into()))
}

/// Has the run wait, in the process that has the lease.
async fn wait(
    session: &Session,
    first: i64,
    run: &HeldRun,
    asked: &[NewApproval],
    key: &RunKey,
) -> Result<(), ApprovalError> {
    let since_ms = sql(asked.iter().map(|new| new.created_ms).max().unwrap_or_default());
    match session.query_opt(WAITING, &[&first]).await.map_err(unavailable)? {
        None => {
            let (principal, body) = (run.principal.to_string(), sealed_script(key, run)?);
            let (role, profile) = (run.role.as_deref().map(text), run.profile.as_deref().map(text));
            let begun: Parameters<'_> = &[&first, &run.run.as_str(), &principal, &role, &profile, &since_ms, &body];
            session.execute(BEGIN, begun).await.map_err(unavailable)?;
        }
        Some(row) => {
            let holder: Option<String> = row.try_get(0).map_err(unavailable)?;
            let ended_ms: Option<i64> = row.try_get(1).map_err(unavailable)?;
            if ended_ms.is_some() || holder.as_ref() != Some(&run.lease.holder) {
                return Err(ApprovalError::new(ApprovalErrorKind::Conflict));
            }
        }
    }
    let held: Parameters<'_> = &[&first, &since_ms, &run.lease.holder, &sql(run.lease.until_ms)];
    session.execute(HELD, held).await.map(drop).map_err(unavailable)
}

async fn check_room(
    session: &Session,
    run: &HeldRun,
    asked: u64,
    bounds: &ApprovalBounds,
) -> Result<(), ApprovalError> {
    let principal = run.principal.to_string();
    let counts = async |statement| {
        let row = session.query_opt(statement, &[&principal]).await.map_err(unavailable)?;
        let row = row.ok_or_else(|| malformed("a count without a row"))?;
        let count = |column| row.try_get(column).map(unsigned).map_err(unavailable);
        Ok((count(0)?, count(1)?))
    };
    let ((pending, own), (runs, own_runs)) = (counts(PENDING).await?, counts(RUNS).await?);
    let has_room = own + asked <= bounds.pending_per_principal
        && pending + asked <= bounds.pending
        && own_runs <= bounds.runs_per_principal
        && runs <= bounds.runs;
    if has_room { Ok(()) } else { Err(ApprovalError::new(ApprovalErrorKind::Full)) }
}

async fn ask(session: &Session, first: i64, approval: &Approval, body: &[u8]) -> Result<(), ApprovalError> {
    let (principal, call) = (approval.principal.to_string(), approval.call.map(|call| sql(call.0)));
    let (version, expires_ms, json) = (sql(approval.version), sql(approval.expires_ms), facts(approval)?);
    let id = approval.id.as_str();
    let asked: Parameters<'_> = &[&id, &first, &version, &principal, &call, &expires_ms, &json, &body];
    match session.execute(ASK, asked).await.map_err(unavailable)? {
        1 => Ok(()),
        _ => Err(ApprovalError::new(ApprovalErrorKind::Conflict)),
    }
}
