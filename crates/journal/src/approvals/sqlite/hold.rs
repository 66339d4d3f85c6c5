//! Asking for approvals.

use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::{advance, unavailable, writing};
use crate::approvals::stored::{facts, sealed_arguments, sealed_script};
use crate::approvals::{Approval, ApprovalBounds, ApprovalError, ApprovalErrorKind, HeldRun, NewApproval};
use crate::seal::RunKey;
use crate::store::{sql, unsigned};

const RUN: &str = "SELECT first, key FROM runs LEFT JOIN keys ON run = first WHERE id = ?1 AND NOT is_direct";
const WAITING: &str = "SELECT holder, ended_ms FROM waiting_runs WHERE run = ?1";
const BEGIN: &str = "INSERT INTO waiting_runs (run, id, principal, role, profile, state, since_ms, body) \
    VALUES (?1, ?2, ?3, ?4, ?5, 'held', ?6, ?7)";
const HELD: &str = "UPDATE waiting_runs SET state = 'held', since_ms = ?2, holder = ?3, until_ms = ?4 WHERE run = ?1";
const PENDING: &str =
    "SELECT count(*), count(CASE WHEN principal = ?1 THEN 1 END) FROM approvals WHERE state = 'pending'";
const RUNS: &str =
    "SELECT count(*), count(CASE WHEN principal = ?1 THEN 1 END) FROM waiting_runs WHERE ended_ms IS NULL";
const ASK: &str = "INSERT INTO approvals (id, run, version, state, principal, call, expires_ms, json, body) \
    VALUES (?1, ?2, ?3, 'pending', ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING";

pub(super) fn hold(
    connection: &mut Connection,
    run: &HeldRun,
    asked: &[NewApproval],
    bounds: &ApprovalBounds,
) -> Result<Vec<Approval>, ApprovalError> {
    let transaction = writing(connection)?;
    let (first, key) = recorded(&transaction, run)?;
    let since_ms = asked.iter().map(|new| new.created_ms).max().unwrap_or_default();
    begin(&transaction, first, run, since_ms, &key)?;
    check_room(&transaction, run, asked.len() as u64, bounds)?;
    let asked = asked.iter().map(|new| ask(&transaction, first, run, new, &key)).collect::<Result<_, _>>()?;
    transaction.commit().map_err(unavailable)?;
    Ok(asked)
}

/// The place of the first record of the run, and its key.
fn recorded(transaction: &Transaction<'_>, run: &HeldRun) -> Result<(i64, RunKey), ApprovalError> {
    let found = transaction.query_row(RUN, [run.run.as_str()], |row| Ok((row.get(0)?, row.get(1)?))).optional();
    match found.map_err(unavailable)? {
        Some((first, Some(key))) => Ok((first, RunKey::from(key))),
        Some((_, None::<[u8; 32]>)) => Err(ApprovalError::new(ApprovalErrorKind::Erased)),
        None => Err(ApprovalError::new(ApprovalErrorKind::NoRecord)),
    }
}

/// Has the run wait, in the process that has the lease.
fn begin(
    transaction: &Transaction<'_>,
    first: i64,
    run: &HeldRun,
    since_ms: u64,
    key: &RunKey,
) -> Result<(), ApprovalError> {
    let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, Option<String>>(0)?, row.get::<_, Option<i64>>(1)?));
    let before = transaction.query_row(WAITING, [first], row).optional().map_err(unavailable)?;
    match &before {
        None => {
            let (id, principal, body) = (run.run.as_str(), run.principal.to_string(), sealed_script(key, run)?);
            let begun =
                transaction.execute(BEGIN, params![first, id, principal, run.role, run.profile, sql(since_ms), body]);
            begun.map_err(unavailable)?;
        }
        Some((Some(holder), None)) if *holder == run.lease.holder => {}
        Some(_) => return Err(ApprovalError::new(ApprovalErrorKind::Conflict)),
    }
    let held = params![first, sql(since_ms), run.lease.holder, sql(run.lease.until_ms)];
    transaction.execute(HELD, held).map(drop).map_err(unavailable)
}

fn check_room(
    transaction: &Transaction<'_>,
    run: &HeldRun,
    asked: u64,
    bounds: &ApprovalBounds,
) -> Result<(), ApprovalError> {
    let principal = run.principal.to_string();
    let counts = |statement| {
        let row = |row: &rusqlite::Row<'_>| Ok((unsigned(row.get(0)?), unsigned(row.get(1)?)));
        transaction.query_row(statement, [&principal], row).map_err(unavailable)
    };
    let ((pending, own), (runs, own_runs)) = (counts(PENDING)?, counts(RUNS)?);
    let has_room = own + asked <= bounds.pending_per_principal
        && pending + asked <= bounds.pending
        && own_runs <= bounds.runs_per_principal
        && runs <= bounds.runs;
    if has_room { Ok(()) } else { Err(ApprovalError::new(ApprovalErrorKind::Full)) }
}

fn ask(
    transaction: &Transaction<'_>,
    first: i64,
    run: &HeldRun,
    new: &NewApproval,
    key: &RunKey,
) -> Result<Approval, ApprovalError> {
    let version = advance(transaction).map_err(unavailable)?;
    let approval = Approval { version: unsigned(version), ..Approval::asked(run, new) };
    let (principal, call) = (approval.principal.to_string(), approval.call.map(|call| sql(call.0)));
    let (json, body) = (facts(&approval)?, sealed_arguments(key, new)?);
    let asked = params![new.id.as_str(), first, version, principal, call, sql(new.expires_ms), json, body];
    match transaction.execute(ASK, asked).map_err(unavailable)? {
        1 => Ok(approval),
        _ => Err(ApprovalError::new(ApprovalErrorKind::Conflict)),
    }
}
