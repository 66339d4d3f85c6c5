//! Servers: their state, their log, connecting anew.

use std::collections::BTreeMap;

use exuvia_config::Era;
use exuvia_gateway::now_ms;
use exuvia_journal::{Filter, Stats};
use exuvia_text::{line, printable};
use exuvia_upstream::{Failing, ServerState, ServerStatus};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::page::{Done, Page};
use super::usage::DAY_MS;
use crate::admin::Admin;
use crate::answer::{ApiError, check_range};
use crate::operation::Ask;
use crate::sources::ServerSummary;

/// Lines of a log, unless the request says how many.
const LINES: usize = 100;

/// A server.
#[derive(Serialize, JsonSchema)]
pub(super) struct ServerView {
    /// Its name.
    name: String,
    /// `ready`, `starting`, `failed` (it has not started), `failing` (its calls fail) or `unauthorized`.
    state: &'static str,
    /// Why it is not ready.
    why: Option<String>,
    /// The circuit breaker of the connection that all share: `closed` or `open`.
    breaker: &'static str,
    /// How it speaks: `legacy` or `modern`. Null: it has not started.
    era: Option<&'static str>,
    /// `stdio` or `http`. Null: not in the configuration that is in use.
    transport: Option<&'static str>,
    /// `code` or `direct`. Null: not in the configuration that is in use.
    mode: Option<&'static str>,
    /// Tools that it lists.
    tools: usize,
    /// What was left out of its list.
    warnings: Vec<String>,
    /// Calls of the last 24 hours.
    #[serde(flatten)]
    calls: CallSums,
}

/// Calls of the last 24 hours.
#[derive(Default, Clone, Serialize, JsonSchema)]
pub(super) struct CallSums {
    /// Calls.
    pub(super) calls: u64,
    /// Those among them that did not succeed.
    pub(super) errors: u64,
    /// The median time, in milliseconds. Of several principals the largest.
    pub(super) p50_ms: Option<u64>,
    /// What 95 of 100 do not exceed, in milliseconds. Of several principals the largest.
    pub(super) p95_ms: Option<u64>,
}

/// A server.
#[derive(Deserialize, JsonSchema)]
pub(super) struct ServerPath {
    /// Its name.
    pub(super) name: String,
}

/// How much of a log.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LogQuery {
    /// At most so many lines, the newest. Default: 100.
    #[schemars(range(min = 1, max = 500))]
    lines: Option<u16>,
}

/// What a server wrote to standard error.
#[derive(Serialize, JsonSchema)]
pub(super) struct LogView {
    /// The last lines, the newest last: of all its processes since the daemon began, at most 64 KiB.
    lines: Vec<String>,
}

/// The sums over the calls of the last 24 hours that fit.
pub(super) async fn last_day(admin: &Admin, server: Option<&str>) -> Result<Stats, ApiError> {
    let since_ms = Some(now_ms().saturating_sub(DAY_MS));
    let filter = Filter { since_ms, server: server.map(str::to_owned), ..Filter::default() };
    Ok(admin.sources().journals().await?.stats(&filter).await?)
}

/// The sums of each group that `name` names.
pub(super) fn sums(stats: &Stats, name: impl Fn(&str, &str) -> Option<String>) -> BTreeMap<String, CallSums> {
    let mut sums = BTreeMap::<String, CallSums>::new();
    for tool in &stats.tools {
        let Some(name) = name(&tool.server, &tool.tool) else { continue };
        let sum = sums.entry(name).or_default();
        sum.calls += tool.calls;
        sum.errors += tool.failed_calls;
        sum.p50_ms = sum.p50_ms.max(tool.latency.map(|latency| latency.p50_ms));
        sum.p95_ms = sum.p95_ms.max(tool.latency.map(|latency| latency.p95_ms));
    }
    sums
}

impl ServerView {
    fn of(
        server: &ServerStatus,
        failing: Option<Failing>,
        configured: Option<&ServerSummary>,
        calls: CallSums,
    ) -> Self {
        let (state, why, era) = match (&server.state, failing) {
            (ServerState::Starting, _) => ("starting", None, None),
            (ServerState::Failed { message, why }, _) => {
                let state =
                    if matches!(why, exuvia_tool::Absence::Unauthorized { .. }) { "unauthorized" } else { "failed" };
                (state, Some(printable(message)), None)
            }
            (ServerState::Ready { era }, None) => ("ready", None, Some(era_name(*era))),
            (ServerState::Ready { era }, Some(Failing::Broken)) => {
                ("failing", Some("calls failed in a row: the circuit breaker is open".to_owned()), Some(era_name(*era)))
            }
            (ServerState::Ready { era }, Some(Failing::Unauthorized { login })) => {
                let what = if login {
                    format!("log in: exuvia login {}", line(&server.name))
                } else {
                    "check its headers".to_owned()
                };
                ("unauthorized", Some(format!("it refuses the gateway's credential; {what}")), Some(era_name(*era)))
            }
        };
        Self {
            name: server.name.clone(),
            state,
            why,
            breaker: if failing == Some(Failing::Broken) { "open" } else { "closed" },
            era,
            transport: configured.map(|server| server.transport),
            mode: configured.map(|server| server.mode),
            tools: server.tools.len(),
            warnings: server.warnings.iter().map(|warning| line(warning)).collect(),
            calls,
        }
    }
}

fn era_name(era: Era) -> &'static str {
    match era {
        Era::Modern => "modern",
        _ => "legacy",
    }
}

pub(super) async fn list(ask: Ask) -> Result<Page<ServerView>, ApiError> {
    let (gateway, config) = (ask.admin.gateway()?, ask.admin.sources().config());
    let mut sums = sums(&last_day(&ask.admin, None).await?, |server, _| Some(server.to_owned()));
    let (servers, failing) = (gateway.servers(), gateway.failing());
    let view = |server: &ServerStatus| {
        let configured = config.servers.iter().find(|one| one.name == server.name);
        let calls = sums.remove(&server.name).unwrap_or_default();
        ServerView::of(server, failing.get(&server.name).copied(), configured, calls)
    };
    Ok(Page::whole(servers.iter().map(view).collect()))
}

pub(super) fn unknown(name: &str) -> ApiError {
    ApiError::not_found(format!("there is no server {name:?}"))
}

pub(super) async fn reconnect(ask: Ask<ServerPath>) -> Result<Done, ApiError> {
    let (gateway, name) = (ask.admin.gateway()?, ask.path.name);
    let action = ask.admin.record(&ask.caller, "server.reconnect", &name).await?;
    if !gateway.reconnect(&name) {
        return Err(unknown(&name));
    }
    action.done();
    Ok(Done::DONE)
}

pub(super) async fn log(ask: Ask<ServerPath, LogQuery>) -> Result<LogView, ApiError> {
    check_range("lines", ask.query.lines, 1, 500)?;
    let lines = ask.query.lines.map_or(LINES, usize::from);
    let found = ask.admin.gateway()?.server_log(&ask.path.name, lines);
    let found = found.ok_or_else(|| unknown(&ask.path.name))?;
    Ok(LogView { lines: found.iter().map(|text| line(text)).collect() })
}
