//! Sums over runs and calls.

use exuvia_tool::Cost;
use tokio_postgres::Row;

use super::list::Conditions;
use super::session::Session;
use super::{unreadable, unsigned};
use crate::index::{AWAITING, REUSED};
use crate::stats::Latencies;
use crate::wire::malformed;
use crate::{Filter, JournalError, PrincipalStats, Stats, ToolStats};

pub(super) async fn stats(session: &Session, filter: &Filter) -> Result<Stats, JournalError> {
    let filter = Filter { before: None, limit: 0, ..filter.clone() };
    Ok(Stats::of(principals(session, &filter).await?, tools(session, &filter).await?))
}

async fn principals(session: &Session, filter: &Filter) -> Result<Vec<PrincipalStats>, JournalError> {
    let conditions = Conditions::of(filter);
    let query = format!(
        "SELECT principal, count(*) FILTER (WHERE NOT is_direct), count(*) FILTER (WHERE NOT is_direct AND outcome <> 'returned'), \
         count(*) FILTER (WHERE is_direct), coalesce(sum(fuel) FILTER (WHERE NOT is_direct), 0)::int8, \
         CASE WHEN NOT is_direct THEN greatest(ended_ms - started_ms, 0) END AS ms \
         FROM runs WHERE {} GROUP BY principal, ms ORDER BY principal, ms",
        conditions.text()
    );
    let mut sums: Vec<PrincipalStats> = Vec::new();
    for row in conditions.query(session, &query).await? {
        let sum = principal(&row)?;
        match sums.last_mut() {
            Some(last) if last.principal == sum.principal => last.add(&sum),
            _ => sums.push(sum),
        }
    }
    Ok(sums)
}

/// The runs of a principal that took the same time.
fn principal(row: &Row) -> Result<PrincipalStats, JournalError> {
    let (number, principal) = (|column| number(row, column), name(row, 0)?.parse().map_err(malformed)?);
    let (runs, failed_runs, direct_calls, fuel) = (number(1)?, number(2)?, number(3)?, number(4)?);
    let latencies = latencies(row, 5, runs)?;
    let (cost, latency) = (Cost::ZERO, latencies.latency());
    Ok(PrincipalStats { principal, runs, failed_runs, direct_calls, fuel, cost, latency, latencies })
}

async fn tools(session: &Session, filter: &Filter) -> Result<Vec<ToolStats>, JournalError> {
    let mut conditions = Conditions::of(filter);
    let tools = conditions.tools(filter).map_or_else(|| "TRUE".to_owned(), |tools| format!("c.tool IN ({tools})"));
    let query = format!(
        "SELECT principal, t.server, t.tool, count(*), count(*) FILTER (WHERE c.code NOT IN ('ok', '{REUSED}', '{AWAITING}')), c.ms, \
         least(sum(c.cost), 9223372036854775807)::int8 FROM (SELECT first, principal FROM runs WHERE {}) r JOIN calls c ON c.run = r.first JOIN tools t ON t.id = c.tool \
         WHERE {tools} GROUP BY principal, t.server, t.tool, c.ms ORDER BY principal, t.server, t.tool, c.ms",
        conditions.text()
    );
    let mut sums: Vec<ToolStats> = Vec::new();
    for row in conditions.query(session, &query).await? {
        let sum = tool(&row)?;
        match sums.last_mut() {
            Some(last) if (&last.principal, &last.server, &last.tool) == (&sum.principal, &sum.server, &sum.tool) => {
                last.add(&sum);
            }
            _ => sums.push(sum),
        }
    }
    Ok(sums)
}

/// The calls of a tool that took the same time.
fn tool(row: &Row) -> Result<ToolStats, JournalError> {
    let (server, tool) = (name(row, 1)?.to_owned(), name(row, 2)?.to_owned());
    let (calls, failed_calls) = (number(row, 3)?, number(row, 4)?);
    let (principal, latencies) = (name(row, 0)?.parse().map_err(malformed)?, latencies(row, 5, calls)?);
    let (cost, latency) = (Cost::from_micros(number(row, 6)?), latencies.latency());
    Ok(ToolStats { principal, server, tool, calls, failed_calls, cost, latency, latencies })
}

fn name(row: &Row, column: usize) -> Result<&str, JournalError> {
    row.try_get(column).map_err(unreadable)
}

fn number(row: &Row, column: usize) -> Result<u64, JournalError> {
    row.try_get::<_, i64>(column).map(unsigned).map_err(unreadable)
}

/// The time in this column, which occurred so often.
fn latencies(row: &Row, column: usize, count: u64) -> Result<Latencies, JournalError> {
    let ms: Option<i64> = row.try_get(column).map_err(unreadable)?;
    Ok(ms.map_or_else(Latencies::default, |ms| Latencies::of(unsigned(ms), count)))
}
