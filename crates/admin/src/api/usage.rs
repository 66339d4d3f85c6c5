//! Usage: sums over runs and calls, in all and by day.

use std::collections::BTreeMap;

use exuvia_gateway::now_ms;
use exuvia_journal::{Filter, Stats, ToolStats};
use exuvia_tool::Cost;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::page::Page;
use crate::action::SERVER;
use crate::answer::{ApiError, LAST_MS, check_range};
use crate::operation::{Ask, Nothing};
use crate::time::day;

/// A day, in milliseconds.
pub(super) const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
/// The most days that are summed up.
const MOST_DAYS: u32 = 92;

/// What is summed up.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UsageQuery {
    /// By what: `principal`, `server` or `tool`. Default: principal.
    by: Option<UsageBy>,
    /// Begun at this time or later, in milliseconds since the epoch.
    #[schemars(range(max = LAST_MS))]
    since: Option<u64>,
    /// Begun before this time, in milliseconds since the epoch.
    #[schemars(range(max = LAST_MS))]
    until: Option<u64>,
}

/// By what is summed up.
#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum UsageBy {
    /// By who acted.
    #[default]
    Principal,
    /// By the server that was called.
    Server,
    /// By the tool that was called.
    Tool,
}

/// A sum.
#[derive(Default, Serialize, JsonSchema)]
pub(super) struct UsageView {
    /// Of whom, or of what.
    name: String,
    /// Runs. Null: not counted by server and tool.
    runs: Option<u64>,
    /// Those among them that did not return.
    failed_runs: Option<u64>,
    /// Calls, in runs and direct.
    calls: u64,
    /// Those among them that did not succeed.
    failed_calls: u64,
    /// What runs used, in units of fuel.
    fuel: Option<u64>,
    /// What calls cost, with at most six decimals.
    cost: String,
    /// The median time of runs or calls, in milliseconds.
    p50_ms: Option<u64>,
    /// What 95 of 100 runs or calls do not exceed, in milliseconds.
    p95_ms: Option<u64>,
}

/// How many days.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DaysQuery {
    /// The last so many days, today among them. Default: 30.
    #[schemars(range(min = 1, max = MOST_DAYS))]
    days: Option<u32>,
}

/// The sum of a day, in UTC.
#[derive(Serialize, JsonSchema)]
pub(super) struct DayView {
    /// The day: `2026-11-30`.
    day: String,
    /// Runs.
    runs: u64,
    /// Those among them that did not return.
    failed_runs: u64,
    /// Calls, in runs and direct.
    calls: u64,
    /// Those among them that did not succeed.
    failed_calls: u64,
    /// What runs used, in units of fuel.
    fuel: u64,
    /// What calls cost, with at most six decimals.
    cost: String,
}

impl DaysQuery {
    /// The beginnings of the days, the oldest first, in milliseconds since the epoch.
    pub(super) fn begins_ms(&self) -> Result<Vec<u64>, ApiError> {
        let days = self.days.unwrap_or(30);
        if !(1..=MOST_DAYS).contains(&days) {
            return Err(ApiError::bad_request(format!("days: must be between 1 and {MOST_DAYS}")));
        }
        let today = now_ms() / DAY_MS * DAY_MS;
        Ok((0..u64::from(days)).rev().map(|ago| today.saturating_sub(ago * DAY_MS)).collect())
    }
}

pub(super) async fn sums(ask: Ask<Nothing, UsageQuery>) -> Result<Page<UsageView>, ApiError> {
    let UsageQuery { by, since, until } = ask.query;
    check_range("since", since, 0, LAST_MS)?;
    check_range("until", until, 0, LAST_MS)?;
    let _place = ask.admin.heavy_place().await?;
    let filter = Filter { since_ms: since, until_ms: until, ..Filter::default() };
    let stats = ask.admin.sources().journals().await?.stats(&filter).await?;
    Ok(Page::whole(match by.unwrap_or_default() {
        UsageBy::Principal => by_principal(&stats),
        UsageBy::Server => by_call(&stats, |server, _| server.to_owned()),
        UsageBy::Tool => by_call(&stats, |server, tool| format!("{server}.{tool}")),
    }))
}

fn by_principal(stats: &Stats) -> Vec<UsageView> {
    let view = |sum: &exuvia_journal::PrincipalStats| {
        let is_own = |tool: &&ToolStats| tool.principal == sum.principal && tool.server != SERVER;
        let own = || stats.tools.iter().filter(is_own);
        UsageView {
            name: sum.principal.to_string(),
            runs: Some(sum.runs),
            failed_runs: Some(sum.failed_runs),
            calls: own().map(|tool| tool.calls).sum(),
            failed_calls: own().map(|tool| tool.failed_calls).sum(),
            fuel: Some(sum.fuel),
            cost: sum.cost.to_string(),
            p50_ms: sum.latency.map(|latency| latency.p50_ms),
            p95_ms: sum.latency.map(|latency| latency.p95_ms),
        }
    };
    stats.principals.iter().map(view).collect()
}

fn by_call(stats: &Stats, name: impl Fn(&str, &str) -> String) -> Vec<UsageView> {
    let mut sums = BTreeMap::<String, (UsageView, Cost, Vec<u64>)>::new();
    for tool in stats.tools.iter().filter(|tool| tool.server != SERVER) {
        let name = name(&tool.server, &tool.tool);
        let (sum, cost, slowest) = sums.entry(name.clone()).or_default();
        sum.name = name;
        sum.calls += tool.calls;
        sum.failed_calls += tool.failed_calls;
        *cost = [*cost, tool.cost].into_iter().sum();
        slowest.extend(tool.latency.map(|latency| latency.p95_ms));
        // Of several principals the largest: the values of all calls are not kept.
        sum.p50_ms = sum.p50_ms.max(tool.latency.map(|latency| latency.p50_ms));
        sum.p95_ms = slowest.iter().max().copied();
    }
    sums.into_values().map(|(sum, cost, _)| UsageView { cost: cost.to_string(), ..sum }).collect()
}

pub(super) async fn daily(ask: Ask<Nothing, DaysQuery>) -> Result<Page<DayView>, ApiError> {
    let begins = ask.query.begins_ms()?;
    let _place = ask.admin.heavy_place().await?;
    let journals = ask.admin.sources().journals().await?;
    let mut days = Vec::new();
    for begin in begins {
        let filter = Filter { since_ms: Some(begin), until_ms: Some(begin + DAY_MS), ..Filter::default() };
        let stats = journals.stats(&filter).await?;
        let calls = || stats.tools.iter().filter(|tool| tool.server != SERVER);
        let cost: Cost = calls().map(|tool| tool.cost).sum();
        days.push(DayView {
            day: day(begin),
            runs: stats.principals.iter().map(|sum| sum.runs).sum(),
            failed_runs: stats.principals.iter().map(|sum| sum.failed_runs).sum(),
            calls: calls().map(|tool| tool.calls).sum(),
            failed_calls: calls().map(|tool| tool.failed_calls).sum(),
            fuel: stats.principals.iter().map(|sum| sum.fuel).sum(),
            cost: cost.to_string(),
        });
    }
    Ok(Page::whole(days))
}
