//! Answering approvals, and using them.

use exuvia_tool::ApprovalId;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::reads::found;
use super::{advance, unavailable, writing};
use crate::approvals::stored::{self, of_journal, sealed_reason};
use crate::approvals::{
    Approval, ApprovalAnswer, ApprovalError, ApprovalErrorKind, ApprovalState, check_answer, record,
};
use crate::seal::RunKey;
use crate::store::sqlite::{append, edge, grow};
use crate::store::{sql, unsigned};

const PLACE: &str = "SELECT a.run, k.key FROM approvals a LEFT JOIN keys k ON k.run = a.run WHERE a.id = ?1";
const ANSWER: &str =
    "UPDATE approvals SET state = ?2, version = ?3, answer = ?4, reason = ?5 WHERE id = ?1 AND state = 'pending'";
const ANSWERED: &str = "UPDATE waiting_runs SET answered = ?2 WHERE run = ?1";
const TAKE: &str = "UPDATE approvals SET state = 'used', version = ?2, used_ms = ?3 \
    WHERE id = ?1 AND state = 'approved' AND expires_ms > ?3 AND EXISTS (SELECT 1 FROM keys k WHERE k.run = approvals.run)";

pub(super) fn answer(
    connection: &mut Connection,
    id: &ApprovalId,
    allow: bool,
    answer: &ApprovalAnswer,
) -> Result<Approval, ApprovalError> {
    let transaction = writing(connection)?;
    let approval = found(&transaction, id)?.ok_or_else(unknown)?;
    let (first, key) = place(&transaction, id)?;
    check_answer(&approval, answer)?;
    let version = advance(&transaction).map_err(unavailable)?;
    let state = if allow { ApprovalState::Approved } else { ApprovalState::Denied };
    let (json, reason) = (stored::answer(answer)?, sealed_reason(&key, id, answer.reason.as_deref())?);
    let changed = transaction.execute(ANSWER, params![id.as_str(), state.name(), version, json, reason]);
    if changed.map_err(unavailable)? != 1 {
        return Err(ApprovalError::new(ApprovalErrorKind::Conflict));
    }
    transaction.execute(ANSWERED, [first, version]).map_err(unavailable)?;
    let record = record(&approval, allow, answer, key)?;
    let mut edge = edge(&transaction).map_err(of_journal)?;
    append(&transaction, &mut edge, first, (record.version, &record.head), record.body.as_deref())
        .and_then(|()| grow(&transaction, sql(record.body.as_ref().map_or(0, Vec::len) as u64)))
        .and_then(|()| transaction.commit())
        .map_err(unavailable)?;
    Ok(Approval { state, answer: Some(answer.clone()), version: unsigned(version), ..approval })
}

/// The place of the first record of the run, and its key.
fn place(transaction: &Transaction<'_>, id: &ApprovalId) -> Result<(i64, RunKey), ApprovalError> {
    let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get::<_, Option<[u8; 32]>>(1)?));
    match transaction.query_row(PLACE, [id.as_str()], row).optional().map_err(unavailable)? {
        Some((first, Some(key))) => Ok((first, key.into())),
        Some((_, None)) => Err(ApprovalError::new(ApprovalErrorKind::Answered(ApprovalState::Void))),
        None => Err(unknown()),
    }
}

pub(super) fn take(connection: &mut Connection, id: &ApprovalId, now_ms: u64) -> Result<bool, ApprovalError> {
    let transaction = writing(connection)?;
    if found(&transaction, id)?.is_none() {
        return Err(unknown());
    }
    let version = advance(&transaction).map_err(unavailable)?;
    let taken = transaction.execute(TAKE, params![id.as_str(), version, sql(now_ms)]).map_err(unavailable)?;
    if taken == 1 {
        transaction.commit().map_err(unavailable)?;
    }
    Ok(taken == 1)
}

fn unknown() -> ApprovalError {
    ApprovalError::new(ApprovalErrorKind::Unknown)
}
