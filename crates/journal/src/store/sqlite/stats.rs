//! Sums over runs and calls.

use std::collections::BTreeMap;

use exuvia_tool::{Cost, Principal};
use rusqlite::{Connection, params_from_iter};

use super::list::{Conditions, TOOLS, tool_values};
use super::unsigned;
use crate::index::{AWAITING, REUSED};
use crate::stats::Latencies;
use crate::{Filter, PrincipalStats, Stats, ToolStats};

#[derive(Default)]
struct Runs {
    runs: u64,
    failed: u64,
    direct: u64,
    fuel: u64,
    latencies: Latencies,
}

#[derive(Default)]
struct Calls {
    calls: u64,
    failed: u64,
    cost: Cost,
    latencies: Latencies,
}

pub(super) fn stats(connection: &Connection, filter: &Filter) -> rusqlite::Result<Stats> {
    let filter = Filter { before: None, limit: 0, ..filter.clone() };
    Ok(Stats::of(principals(connection, &filter)?, tools(connection, &filter)?))
}

fn principals(connection: &Connection, filter: &Filter) -> rusqlite::Result<Vec<PrincipalStats>> {
    let conditions = Conditions::of(connection, filter)?;
    let query = format!(
        "SELECT principal, is_direct, outcome, fuel, ended_ms - started_ms FROM runs WHERE {}",
        conditions.text()
    );
    let mut select = connection.prepare(&query)?;
    let mut rows = select.query(params_from_iter(conditions.values))?;
    let mut sums = BTreeMap::<String, Runs>::new();
    while let Some(row) = rows.next()? {
        let sum = sums.entry(row.get(0)?).or_default();
        if row.get(1)? {
            sum.direct += 1;
            continue;
        }
        let outcome: Option<String> = row.get(2)?;
        sum.runs += 1;
        sum.failed += u64::from(outcome.is_some_and(|outcome| outcome != "returned"));
        sum.fuel += unsigned(row.get(3)?);
        if let Some(ms) = row.get::<_, Option<i64>>(4)? {
            sum.latencies.add(unsigned(ms));
        }
    }
    let stats = sums.into_iter().map(|(name, sum)| {
        Some(PrincipalStats {
            principal: principal(&name)?,
            runs: sum.runs,
            failed_runs: sum.failed,
            direct_calls: sum.direct,
            fuel: sum.fuel,
            cost: Cost::ZERO,
            latency: sum.latencies.latency(),
            latencies: sum.latencies,
        })
    });
    Ok(stats.flatten().collect())
}

fn tools(connection: &Connection, filter: &Filter) -> rusqlite::Result<Vec<ToolStats>> {
    let conditions = Conditions::of(connection, filter)?;
    let query = format!(
        "SELECT principal, t.server, t.tool, c.code, c.ms, c.cost FROM runs JOIN calls c ON c.run = first JOIN tools t ON t.id = c.tool \
         WHERE {} AND c.tool IN ({TOOLS})",
        conditions.text()
    );
    let mut select = connection.prepare(&query)?;
    let mut rows = select.query(params_from_iter(conditions.values.into_iter().chain(tool_values(filter))))?;
    let mut sums = BTreeMap::<(String, String, String), Calls>::new();
    while let Some(row) = rows.next()? {
        let sum = sums.entry((row.get(0)?, row.get(1)?, row.get(2)?)).or_default();
        let code: Option<String> = row.get(3)?;
        sum.calls += 1;
        sum.cost = sum.cost + Cost::from_micros(unsigned(row.get(5)?));
        sum.failed += u64::from(code.is_some_and(|code| !["ok", REUSED, AWAITING].contains(&code.as_str())));
        if let Some(ms) = row.get::<_, Option<i64>>(4)? {
            sum.latencies.add(unsigned(ms));
        }
    }
    let stats = sums.into_iter().map(|((name, server, tool), sum)| {
        let Calls { calls, failed: failed_calls, cost, latencies } = sum;
        let latency = latencies.latency();
        Some(ToolStats { principal: principal(&name)?, server, tool, calls, failed_calls, cost, latency, latencies })
    });
    Ok(stats.flatten().collect())
}

fn principal(name: &str) -> Option<Principal> {
    name.parse().ok()
}
