//! Answering approvals, and using them.

use exuvia_tool::ApprovalId;

use super::reads::{found, key};
use super::{Ended, advance, begin, end, unavailable};
use crate::approvals::stored::{self, of_journal, sealed_reason};
use crate::approvals::{
    Approval, ApprovalAnswer, ApprovalError, ApprovalErrorKind, ApprovalState, check_answer, record,
};
use crate::seal::RunKey;
use crate::store::postgres::{LockedLog, Parameters, Session};
use crate::store::sql;

const PLACE: &str = "SELECT a.run, k.key FROM approvals a LEFT JOIN keys k ON k.run = a.run WHERE a.id = $1";
const ANSWER: &str =
    "UPDATE approvals SET state = $2, version = $3, answer = $4, reason = $5 WHERE id = $1 AND state = 'pending'";
const ANSWERED: &str = "UPDATE waiting_runs SET answered = $2 WHERE run = $1";
const TAKE: &str = "UPDATE approvals SET state = 'used', version = $2, used_ms = $3 \
    WHERE id = $1 AND state = 'approved' AND expires_ms > $3 AND EXISTS (SELECT 1 FROM keys k WHERE k.run = approvals.run)";

pub(super) async fn answer(
    session: &Session,
    id: &ApprovalId,
    allow: bool,
    answer: &ApprovalAnswer,
) -> Ended<Approval> {
    // The log first: whoever erases the run has it as well.
    let log = LockedLog::begin(session).await.map_err(of_journal)?;
    let answered = answered(session, log, id, allow, answer).await;
    end(session, answered).await
}

async fn answered(
    session: &Session,
    log: LockedLog,
    id: &ApprovalId,
    allow: bool,
    answer: &ApprovalAnswer,
) -> Result<Approval, ApprovalError> {
    // Locks the approvals: what is read after it is what is changed.
    let version = advance(session, 1).await? + 1;
    let approval = found(session, id).await?.ok_or_else(unknown)?;
    let (first, key) = place(session, id).await?;
    check_answer(&approval, answer)?;
    let state = if allow { ApprovalState::Approved } else { ApprovalState::Denied };
    let (json, reason) = (stored::answer(answer)?, sealed_reason(&key, id, answer.reason.as_deref())?);
    let changed: Parameters<'_> = &[&id.as_str(), &state.name(), &sql(version), &json, &reason];
    if session.execute(ANSWER, changed).await.map_err(unavailable)? != 1 {
        return Err(ApprovalError::new(ApprovalErrorKind::Conflict));
    }
    session.execute(ANSWERED, &[&first, &sql(version)]).await.map_err(unavailable)?;
    log.append(session, first, &record(&approval, allow, answer, key)?).await.map_err(of_journal)?;
    Ok(Approval { state, answer: Some(answer.clone()), version, ..approval })
}

/// The place of the first record of the run, and its key.
async fn place(session: &Session, id: &ApprovalId) -> Result<(i64, RunKey), ApprovalError> {
    let row = session.query_opt(PLACE, &[&id.as_str()]).await.map_err(unavailable)?.ok_or_else(unknown)?;
    match key(row.try_get(1).map_err(unavailable)?)? {
        Some(key) => Ok((row.try_get(0).map_err(unavailable)?, key.into())),
        None => Err(ApprovalError::new(ApprovalErrorKind::Answered(ApprovalState::Void))),
    }
}

pub(super) async fn take(session: &Session, id: &ApprovalId, now_ms: u64) -> Ended<bool> {
    begin(session).await?;
    let taken = taken(session, id, now_ms).await;
    end(session, taken).await
}

async fn taken(session: &Session, id: &ApprovalId, now_ms: u64) -> Result<bool, ApprovalError> {
    let version = advance(session, 1).await? + 1;
    if found(session, id).await?.is_none() {
        return Err(unknown());
    }
    let taken: Parameters<'_> = &[&id.as_str(), &sql(version), &sql(now_ms)];
    Ok(session.execute(TAKE, taken).await.map_err(unavailable)? == 1)
}

fn unknown() -> ApprovalError {
    ApprovalError::new(ApprovalErrorKind::Unknown)
}
