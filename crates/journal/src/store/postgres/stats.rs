//! Sums over runs and calls.

use tokio_postgres::Row;

use super::list::Conditions;
use super::session::Session;
use super::{unreadable, unsigned};
use crate::index::{AWAITING, REUSED};
use crate::wire::malformed;
use crate::{Filter, JournalError, Latency, PrincipalStats, Stats, ToolStats};

pub(super) async fn stats(session: &Session, filter: &Filter) -> Result<Stats, JournalError> {
    let filter = Filter { before: None, limit: 0, ..filter.clone() };
    Ok(Stats { principals: principals(session, &filter).await?, tools: tools(session, &filter).await? })
}

async fn principals(session: &Session, filter: &Filter) -> Result<Vec<PrincipalStats>, JournalError> {
    let conditions = Conditions::of(filter);
    let runs = "FILTER (WHERE NOT is_direct)";
    let query = format!(
        "SELECT principal, count(*) {runs}, count(*) FILTER (WHERE NOT is_direct AND outcome <> 'returned'), \
         count(*) FILTER (WHERE is_direct), coalesce(sum(fuel) {runs}, 0)::int8, \
         percentile_disc(0.5) WITHIN GROUP (ORDER BY greatest(ended_ms - started_ms, 0)) {runs}, \
         percentile_disc(0.95) WITHIN GROUP (ORDER BY greatest(ended_ms - started_ms, 0)) {runs} \
         FROM runs WHERE {} GROUP BY principal ORDER BY principal",
        conditions.text()
    );
    let principal = |row: &Row| {
        let (number, name) = (|column| number(row, column), name(row, 0)?);
        let (runs, failed_runs, direct_calls, fuel) = (number(1)?, number(2)?, number(3)?, number(4)?);
        let principal = name.parse().map_err(malformed)?;
        Ok(PrincipalStats { principal, runs, failed_runs, direct_calls, fuel, latency: latency(row, 5)? })
    };
    conditions.query(session, &query).await?.iter().map(principal).collect()
}

async fn tools(session: &Session, filter: &Filter) -> Result<Vec<ToolStats>, JournalError> {
    let mut conditions = Conditions::of(filter);
    let tools = conditions.tools(filter).map_or_else(|| "TRUE".to_owned(), |tools| format!("c.tool IN ({tools})"));
    let query = format!(
        "SELECT principal, t.server, t.tool, count(*), count(*) FILTER (WHERE c.code NOT IN ('ok', '{REUSED}', '{AWAITING}')), \
         percentile_disc(0.5) WITHIN GROUP (ORDER BY c.ms), percentile_disc(0.95) WITHIN GROUP (ORDER BY c.ms) \
         FROM (SELECT first, principal FROM runs WHERE {}) r JOIN calls c ON c.run = r.first JOIN tools t ON t.id = c.tool \
         WHERE {tools} GROUP BY principal, t.server, t.tool ORDER BY principal, t.server, t.tool",
        conditions.text()
    );
    let tool = |row: &Row| {
        let (server, tool) = (name(row, 1)?.to_owned(), name(row, 2)?.to_owned());
        let (calls, failed_calls) = (number(row, 3)?, number(row, 4)?);
        let principal = name(row, 0)?.parse().map_err(malformed)?;
        Ok(ToolStats { principal, server, tool, calls, failed_calls, latency: latency(row, 5)? })
    };
    conditions.query(session, &query).await?.iter().map(tool).collect()
}

fn name(row: &Row, column: usize) -> Result<&str, JournalError> {
    row.try_get(column).map_err(unreadable)
}

fn number(row: &Row, column: usize) -> Result<u64, JournalError> {
    row.try_get::<_, i64>(column).map(unsigned).map_err(unreadable)
}

/// The median, and what 95 of 100 do not exceed, in this column and the next.
fn latency(row: &Row, column: usize) -> Result<Option<Latency>, JournalError> {
    let at = |column| row.try_get::<_, Option<i64>>(column).map_err(unreadable);
    Ok(match (at(column)?, at(column + 1)?) {
        (Some(p50), Some(p95)) => Some(Latency { p50_ms: unsigned(p50), p95_ms: unsigned(p95) }),
        _ => None,
    })
}
