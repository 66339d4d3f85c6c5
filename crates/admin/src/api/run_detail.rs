//! One run, as the console shows it: contents are redacted as `exuvia runs show` does, arguments and values left out.

use std::collections::BTreeMap;

use exuvia_journal::{RunError, RunUsage};
use exuvia_tool::Limits;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::exported::{Exported, ExportedCall, ExportedParent, ExportedRejection, ExportedStart};

/// The most calls that are listed.
const CALLS: usize = 20_000;

/// What is recorded of a run or direct call.
#[derive(Serialize, JsonSchema)]
pub(super) struct RunDetail {
    /// Its id.
    id: String,
    /// `run`, or `direct` for a client's own call.
    kind: &'static str,
    /// On whose behalf.
    principal: String,
    /// The profile that the client named.
    profile: Option<String>,
    /// What came of it. Null: it goes on, or nobody knows.
    outcome: Option<String>,
    /// The limit that stopped it.
    limit: Option<String>,
    /// When it began, in milliseconds since the epoch.
    started_ms: u64,
    /// Whether it is in flight.
    live: bool,
    /// How it waits for approvals: `held`, with a process that has its instance, or `parked`, without one. Null: it does not.
    waits: Option<&'static str>,
    /// Whether its content was erased.
    is_erased: bool,
    /// The script. Null: of a direct call, of a rejected script, or erased.
    script: Option<String>,
    /// Why it might run: `operator`, or the rules that list its tools.
    decision: Option<String>,
    /// Why it was rejected before it started.
    rejected: Option<String>,
    /// What the pre-pass said of the script.
    findings: Vec<String>,
    /// What the client says of itself. Nobody has checked it.
    #[schemars(with = "Value")]
    claims: Value,
    /// The trace that it belongs to.
    trace_id: Option<String>,
    /// Where that trace is shown, by `trace_url` in `[admin]`.
    trace_url: Option<String>,
    /// The earlier run whose answers it took.
    repairs: Option<String>,
    /// The call of another run that it answers, of a function.
    parent: Option<ExportedParent>,
    /// Its calls, in the order of their intents.
    calls: Vec<CallSummary>,
    /// Its limits, by their names.
    #[schemars(with = "Value")]
    limits: Option<Limits>,
    /// Calls that are not listed: there are too many.
    calls_left_out: usize,
    /// What it printed.
    log: String,
    /// How much more it printed than was kept, in bytes.
    log_dropped_bytes: u64,
    /// What it returned, as JSON text.
    result: Option<String>,
    /// The error that ended it: `kind`, `message`, `line`, `traceback`, `hint`.
    #[schemars(with = "Value")]
    error: Option<RunError>,
    /// What it used: `fuel`, `memory_bytes_peak`, `wall_ms`, `tool_calls`, and the `cost` of its calls.
    #[schemars(with = "Value")]
    usage: Option<RunUsage>,
    /// Whether it can be replayed, as far as the record says: its content is there.
    replayable: bool,
    /// Why it cannot, where it is not recorded to its end, or the sandbox itself failed in it.
    not_replayable_why: Option<String>,
}

/// A call, without its arguments and its answer.
#[derive(Serialize, JsonSchema)]
pub(super) struct CallSummary {
    /// Its place in the list, counted from 0: what `/runs/{id}/calls/{n}` takes.
    n: usize,
    /// Its number in the run, counted from 1. A call that was made again is there for each attempt.
    id: u64,
    /// The line of the script that made it, as the guest says.
    line: Option<u32>,
    /// The server.
    server: String,
    /// The tool, by its own name.
    tool: String,
    /// `sent`, `refused` or `reused`.
    state: &'static str,
    /// `ok`, or the code of its error. Null: unknown, or it goes on.
    code: Option<String>,
    /// From its intent to its end, in milliseconds.
    ms: Option<u64>,
    /// The size of its arguments, in bytes of JSON. Null: erased.
    arguments_bytes: Option<usize>,
    /// The size of its value, in bytes of JSON.
    value_bytes: Option<u64>,
    /// When its intent was recorded, in milliseconds since the epoch.
    started_ms: u64,
    /// The rule that decided.
    rule: String,
    /// Why it was not answered.
    error: Option<String>,
    /// The approval that it waits or waited for: the latest, where there were several.
    approval: Option<String>,
}

/// What is known of a run beside its record.
pub(super) struct RunNow {
    /// Whether it is in flight.
    pub(super) live: bool,
    /// What it waits for.
    pub(super) waits: Option<&'static str>,
    /// Where its trace is shown.
    pub(super) trace_url: Option<String>,
}

impl RunDetail {
    /// What is exported of a record, which is redacted, with the approvals of its calls: the earliest first.
    pub(super) fn of(exported: Exported, approvals: &[(u64, String)], now: RunNow) -> Self {
        let RunNow { live, waits, trace_url } = now;
        let Exported { id, kind, principal, outcome, started_ms, is_erased, rejected, .. } = exported;
        let not_replayable_why = exported.not_replayable;
        let is_whole = !is_erased && not_replayable_why.is_none();
        let replayable = kind == "run" && is_whole && exported.start.is_some();
        let has_start = exported.start.is_some();
        let (start, end) = (exported.start.unwrap_or_else(|| rejected_start(exported.rejected_start)), exported.end);
        let has_script = !start.source.is_empty();
        let listed = exported.calls.len().min(CALLS);
        let calls_left_out = exported.calls.len() - listed;
        let calls = exported.calls.into_iter().take(listed).enumerate().map(|(n, call)| CallSummary::of(n, call));
        let answered = exported.approvals.iter().filter_map(|answered| Some((answered.call?, answered.id.clone())));
        let of_calls: BTreeMap<u64, String> = answered.chain(approvals.iter().cloned()).collect();
        let calls = calls.map(|call| CallSummary { approval: of_calls.get(&call.id).cloned(), ..call }).collect();
        let usage = end.as_ref().map(|end| end.usage);
        let end = end.unwrap_or_default();
        Self {
            id,
            kind,
            principal,
            profile: start.profile,
            outcome,
            limit: end.limit,
            started_ms,
            live,
            waits,
            is_erased,
            script: has_script.then_some(start.source),
            decision: Some(start.rule).filter(|rule| !rule.is_empty()),
            rejected,
            findings: start.findings,
            claims: serde_json::to_value(start.claims).unwrap_or_default(),
            trace_id: start.trace_id,
            trace_url,
            repairs: start.repairs,
            parent: start.parent,
            calls,
            limits: has_start.then_some(start.limits),
            calls_left_out,
            log: end.log,
            log_dropped_bytes: end.log_dropped_bytes,
            result: end.result.map(|result| result.as_str().to_owned()),
            error: end.error,
            usage,
            replayable,
            not_replayable_why,
        }
    }
}

/// What is known of a script that was not run.
fn rejected_start(start: Option<ExportedRejection>) -> ExportedStart {
    start.map_or_else(ExportedStart::default, |ExportedRejection { profile, claims, trace_id, policy_sha256 }| {
        ExportedStart { profile, claims, trace_id, policy_sha256, ..ExportedStart::default() }
    })
}

impl CallSummary {
    fn of(n: usize, call: ExportedCall) -> Self {
        let ExportedCall {
            id, server, tool, line, at_ms, decision, rule, arguments, code, error, value_bytes, ms, ..
        } = call;
        let (started_ms, arguments_bytes) = (at_ms, arguments.map(|arguments| arguments.size_bytes()));
        Self {
            n,
            id,
            line,
            server,
            tool,
            state: decision,
            code,
            ms,
            arguments_bytes,
            value_bytes,
            started_ms,
            rule,
            error,
            approval: None,
        }
    }
}
