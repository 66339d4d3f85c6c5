//! `exuvia runs stats`.

use exuvia_journal::{Latency, PrincipalStats, Stats, ToolStats};
use exuvia_text::one_line;
use serde_json::{Value, json};

use super::table;

/// How much of a name is shown, in characters.
const NAME_CHARS: usize = 80;

pub(super) fn text(stats: &Stats) -> String {
    let headings = [">RUNS", ">FAILED", ">DIRECT CALLS", ">P50 MS", ">P95 MS", ">FUEL", ">COST", "PRINCIPAL"];
    let principals = table(headings, stats.principals.iter().map(principal));
    let headings = [">CALLS", ">FAILED", ">P50 MS", ">P95 MS", ">COST", "TOOL", "PRINCIPAL"];
    format!("{principals}\n{}", table(headings, stats.tools.iter().map(tool)))
}

fn principal(stats: &PrincipalStats) -> [String; 8] {
    let [p50, p95] = latencies(stats.latency);
    [
        stats.runs.to_string(),
        stats.failed_runs.to_string(),
        stats.direct_calls.to_string(),
        p50,
        p95,
        stats.fuel.to_string(),
        stats.cost.to_string(),
        one_line(&stats.principal.to_string(), NAME_CHARS),
    ]
}

fn tool(stats: &ToolStats) -> [String; 7] {
    let [p50, p95] = latencies(stats.latency);
    [
        stats.calls.to_string(),
        stats.failed_calls.to_string(),
        p50,
        p95,
        stats.cost.to_string(),
        one_line(&format!("{}.{}", stats.server, stats.tool), NAME_CHARS),
        one_line(&stats.principal.to_string(), NAME_CHARS),
    ]
}

fn latencies(latency: Option<Latency>) -> [String; 2] {
    latency.map_or_else(Default::default, |latency| [latency.p50_ms.to_string(), latency.p95_ms.to_string()])
}

pub(super) fn json(stats: &Stats) -> Value {
    let of_principal = |stats: &PrincipalStats| {
        json!({
            "principal": stats.principal,
            "runs": stats.runs,
            "failed_runs": stats.failed_runs,
            "direct_calls": stats.direct_calls,
            "fuel": stats.fuel,
            "cost": stats.cost,
            "p50_ms": stats.latency.map(|latency| latency.p50_ms),
            "p95_ms": stats.latency.map(|latency| latency.p95_ms),
        })
    };
    let of_tool = |stats: &ToolStats| {
        json!({
            "principal": stats.principal,
            "server": stats.server,
            "tool": stats.tool,
            "calls": stats.calls,
            "failed_calls": stats.failed_calls,
            "cost": stats.cost,
            "p50_ms": stats.latency.map(|latency| latency.p50_ms),
            "p95_ms": stats.latency.map(|latency| latency.p95_ms),
        })
    };
    let principals: Vec<_> = stats.principals.iter().map(of_principal).collect();
    json!({"principals": principals, "tools": stats.tools.iter().map(of_tool).collect::<Vec<_>>()})
}
