//! Reading approvals.

use exuvia_tool::ApprovalId;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, params_from_iter};

use super::unavailable;
use crate::approvals::stored::{self, Row, of_journal};
use crate::approvals::{Approval, ApprovalChanges, ApprovalContent, ApprovalError, ApprovalFilter, MAX_LISTED};
use crate::store::sqlite::check;
use crate::store::{sql, unsigned};

const ROW: &str = "SELECT a.id, a.version, a.state, a.used_ms, a.void_reason, a.json, a.answer, a.reason, k.key \
    FROM approvals a LEFT JOIN keys k ON k.run = a.run";
const VERSION: &str = "SELECT version FROM approval_state";
const CONTENT: &str = "SELECT k.key, w.id, w.body, a.body FROM approvals a JOIN waiting_runs w ON w.run = a.run \
    JOIN keys k ON k.run = a.run WHERE a.id = ?1 AND w.body IS NOT NULL AND a.body IS NOT NULL";

type ContentRow = ([u8; 32], String, Vec<u8>, Vec<u8>);

pub(super) fn get(connection: &Connection, id: &ApprovalId) -> Result<Option<Approval>, ApprovalError> {
    check(connection).map_err(of_journal)?;
    found(connection, id)
}

/// One approval, within whatever is going on.
pub(super) fn found(connection: &Connection, id: &ApprovalId) -> Result<Option<Approval>, ApprovalError> {
    let statement = connection.prepare_cached(&format!("{ROW} WHERE a.id = ?1"));
    let found = statement.and_then(|mut one| one.query_row([id.as_str()], row).optional()).map_err(unavailable)?;
    found.map(Row::read).transpose()
}

pub(super) fn list(connection: &Connection, filter: &ApprovalFilter) -> Result<Vec<Approval>, ApprovalError> {
    check(connection).map_err(of_journal)?;
    let mut conditions: Vec<(&str, Value)> = Vec::new();
    if let Some(state) = filter.state {
        conditions.push(("a.state = ?", Value::Text(state.name().to_owned())));
    }
    if let Some(principal) = &filter.principal {
        conditions.push(("a.principal = ?", Value::Text(principal.to_string())));
    }
    if let Some(run) = &filter.run {
        let of_run = "a.run = (SELECT first FROM runs WHERE id = ?)";
        conditions.push((of_run, Value::Text(run.as_str().to_owned())));
    }
    if let Some(before) = &filter.before {
        conditions.push(("a.id < ?", Value::Text(before.as_str().to_owned())));
    }
    let fitting: String = conditions.iter().flat_map(|(condition, _)| [condition, " AND "]).collect();
    let statement = format!("{ROW} WHERE {fitting} true ORDER BY a.id DESC LIMIT ?");
    let limit = Value::Integer(sql(filter.limit() as u64));
    let values = params_from_iter(conditions.into_iter().map(|(_, value)| value).chain([limit]));
    let mut statement = connection.prepare_cached(&statement).map_err(unavailable)?;
    let rows = statement.query_map(values, row).map_err(unavailable)?;
    let mut list: Vec<Approval> =
        rows.map(|row| row.map_err(unavailable)?.read()).collect::<Result<_, ApprovalError>>()?;
    list.retain(|approval| filter.state.is_none_or(|state| state == approval.state));
    Ok(list)
}

pub(super) fn content(connection: &Connection, id: &ApprovalId) -> Result<Option<ApprovalContent>, ApprovalError> {
    check(connection).map_err(of_journal)?;
    let row = |row: &rusqlite::Row<'_>| -> rusqlite::Result<ContentRow> {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
    };
    let found = connection.query_row(CONTENT, [id.as_str()], row).optional().map_err(unavailable)?;
    let Some((key, run, script, arguments)) = found else { return Ok(None) };
    stored::content(&key.into(), (&run, id), &script, &arguments).map(Some)
}

pub(super) fn changes(connection: &mut Connection, after: u64) -> Result<ApprovalChanges, ApprovalError> {
    check(connection).map_err(of_journal)?;
    let state = connection.transaction().map_err(unavailable)?;
    let version = unsigned(state.query_row(VERSION, [], |row| row.get(0)).map_err(unavailable)?);
    if version <= after {
        return Ok(ApprovalChanges { version, is_whole: true, approvals: Vec::new() });
    }
    let later = format!("{ROW} WHERE a.version > ?1 ORDER BY a.version LIMIT ?2");
    let mut later = state.prepare_cached(&later).map_err(unavailable)?;
    let rows = later.query_map([sql(after), sql(MAX_LISTED as u64)], row).map_err(unavailable)?;
    let approvals: Vec<Approval> =
        rows.map(|row| row.map_err(unavailable)?.read()).collect::<Result<_, ApprovalError>>()?;
    Ok(ApprovalChanges::of(version, approvals))
}

fn row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    Ok(Row {
        id: row.get(0)?,
        version: unsigned(row.get(1)?),
        state: row.get(2)?,
        used_ms: row.get::<_, Option<i64>>(3)?.map(unsigned),
        void_reason: row.get(4)?,
        json: row.get(5)?,
        answer: row.get(6)?,
        reason: row.get(7)?,
        key: row.get(8)?,
    })
}
