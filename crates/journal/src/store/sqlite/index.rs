//! The index tables, as records change them.

use rusqlite::{Connection, params};

use super::places::Places;
use super::sql;
use crate::index::{CallChange, Change, State};

/// What a record of the run changes that begins at `run`, with this record or earlier.
pub(super) fn apply(
    connection: &Connection,
    places: &mut Places,
    (run, is_first): (i64, bool),
    id: &str,
    change: &Change,
) -> rusqlite::Result<()> {
    if is_first {
        let begin =
            "INSERT INTO runs (first, id, is_direct, principal, profile, started_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let values = params![run, id, change.is_direct, change.principal, change.profile, sql(change.at_ms)];
        connection.prepare_cached(begin)?.execute(values)?;
    }
    for sha256 in change.objects.iter().flatten().filter(|sha256| !sha256.is_empty()) {
        let named = "INSERT INTO objects (sha256, last_run) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET last_run = ?2";
        connection.prepare_cached(named)?.execute(params![sha256, run])?;
    }
    call(connection, places, run, change)?;
    // A run that begins has no outcome yet.
    if is_first && change.state == State::Open { Ok(()) } else { state(connection, run, change) }
}

fn call(connection: &Connection, places: &mut Places, run: i64, change: &Change) -> rusqlite::Result<()> {
    match &change.call {
        CallChange::None => Ok(()),
        CallChange::Intended { call, server, tool, cost } => {
            let tool = places.tool(connection, server, tool)?;
            decided(connection, (run, sql(*call)), tool, sql(*cost), None, None)
        }
        CallChange::Decided { call, server, tool, code, error } => {
            let tool = places.tool(connection, server, tool)?;
            decided(connection, (run, sql(*call)), tool, 0, Some(code), error.as_deref())
        }
        CallChange::Ended { call, code, ms, error } => {
            let ended = "UPDATE calls SET code = ?3, ms = ?4, error = ?5 WHERE run = ?1 AND call = ?2";
            connection.prepare_cached(ended)?.execute(params![run, sql(*call), code, sql(*ms), error])?;
            Ok(())
        }
    }
}

fn decided(
    connection: &Connection,
    (run, call): (i64, i64),
    tool: i64,
    cost: i64,
    code: Option<&str>,
    error: Option<&str>,
) -> rusqlite::Result<()> {
    // A call that is made again costs what all attempts do.
    let decided = "INSERT INTO calls (run, call, tool, code, error, cost) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
                   ON CONFLICT DO UPDATE SET tool = ?3, code = ?4, ms = NULL, error = ?5, \
                   cost = min(cost, 9223372036854775807 - ?6) + ?6";
    connection.prepare_cached(decided)?.execute(params![run, call, tool, code, error, cost])?;
    Ok(())
}

fn state(connection: &Connection, run: i64, change: &Change) -> rusqlite::Result<()> {
    match &change.state {
        State::Unchanged => {}
        State::Open => {
            let open = "UPDATE runs SET ended_ms = NULL, outcome = NULL, error = NULL WHERE first = ?1 AND outcome IS NOT NULL";
            connection.prepare_cached(open)?.execute([run])?;
        }
        State::Ended { outcome, fuel, error } => {
            let ended = "UPDATE runs SET ended_ms = ?2, outcome = ?3, fuel = ?4, error = ?5 WHERE first = ?1";
            let values = params![run, sql(change.at_ms), outcome, sql(*fuel), error];
            connection.prepare_cached(ended)?.execute(values)?;
        }
    }
    Ok(())
}
