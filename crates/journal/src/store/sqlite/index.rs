//! The index tables, as records change them.

use rusqlite::{Transaction, params};

use super::sql;
use crate::index::{CallChange, Change, State};
use crate::store::Prepared;

/// What a record of the run that begins at `run` changes.
pub(super) fn apply(
    transaction: &Transaction<'_>,
    run: i64,
    is_first: bool,
    record: &Prepared,
) -> rusqlite::Result<()> {
    let change = &record.change;
    if is_first {
        let begin = "INSERT INTO runs (first, id, is_direct, principal, started_ms) VALUES (?1, ?2, ?3, ?4, ?5)";
        let values = params![run, &*record.id, change.is_direct, change.principal, sql(change.at_ms)];
        transaction.prepare_cached(begin)?.execute(values)?;
    }
    for sha256 in change.objects.iter().flatten().filter(|sha256| !sha256.is_empty()) {
        let named = "INSERT INTO objects (sha256, last_run) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET last_run = ?2";
        transaction.prepare_cached(named)?.execute(params![sha256, run])?;
    }
    call(transaction, run, change)?;
    state(transaction, run, change)
}

fn call(transaction: &Transaction<'_>, run: i64, change: &Change) -> rusqlite::Result<()> {
    match &change.call {
        CallChange::None => Ok(()),
        CallChange::Intended { call, server, tool } => {
            decided(transaction, (run, sql(*call)), (server, tool), None, None)
        }
        CallChange::Decided { call, server, tool, code, error } => {
            decided(transaction, (run, sql(*call)), (server, tool), Some(code), error.as_deref())
        }
        CallChange::Ended { call, code, ms, error } => {
            let ended = "UPDATE calls SET code = ?3, ms = ?4, error = ?5 WHERE run = ?1 AND call = ?2";
            transaction.prepare_cached(ended)?.execute(params![run, sql(*call), code, sql(*ms), error])?;
            Ok(())
        }
    }
}

fn decided(
    transaction: &Transaction<'_>,
    (run, call): (i64, i64),
    (server, tool): (&str, &str),
    code: Option<&str>,
    error: Option<&str>,
) -> rusqlite::Result<()> {
    let known = "INSERT OR IGNORE INTO tools (server, tool) VALUES (?1, ?2)";
    transaction.prepare_cached(known)?.execute([server, tool])?;
    let decided = "INSERT OR REPLACE INTO calls (run, call, tool, code, error) \
                   SELECT ?1, ?2, id, ?5, ?6 FROM tools WHERE server = ?3 AND tool = ?4";
    transaction.prepare_cached(decided)?.execute(params![run, call, server, tool, code, error])?;
    Ok(())
}

fn state(transaction: &Transaction<'_>, run: i64, change: &Change) -> rusqlite::Result<()> {
    match &change.state {
        State::Unchanged => {}
        State::Open => {
            let open = "UPDATE runs SET ended_ms = NULL, outcome = NULL, error = NULL WHERE first = ?1 AND outcome IS NOT NULL";
            transaction.prepare_cached(open)?.execute([run])?;
        }
        State::Ended { outcome, fuel, error } => {
            let ended = "UPDATE runs SET ended_ms = ?2, outcome = ?3, fuel = ?4, error = ?5 WHERE first = ?1";
            let values = params![run, sql(change.at_ms), outcome, sql(*fuel), error];
            transaction.prepare_cached(ended)?.execute(values)?;
        }
    }
    Ok(())
}
