//! What a report gets when its run is over: names, notes and advice; and its last line in the log.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use exuvia_analysis::{Finding, Note};
use exuvia_runtime::{Outcome, Report, ScriptError};
use exuvia_text::{cut, one_line};
use exuvia_tool::{Namespace, RunId, ToolName};

use crate::admission::SIGNATURE;
use crate::answer::awaiting;
use crate::call::CallNotes;
use crate::end_guards::RunEndGuard;

/// The most that the log has of the name of an exception, in characters.
const KIND: usize = 80;

/// What follows the line in the note that the guest writes into the log of a call that it refused and the script caught.
const REFUSED: &str = ": this call was refused";

/// The most failures caught by a script that are reported.
const CAUGHT: usize = 3;

/// The most that the journal has of the reason for which a script was rejected, in characters.
const REASON: usize = 4_000;

/// Records the end of a run, and says it to the operator.
pub(crate) async fn over(report: Report, ending: RunEndGuard, kept_as: Option<RunId>) -> Report {
    let mut report = advised(report);
    let is_parked = ending.is_parked();
    let is_recorded = ending.end(&mut report).await;
    report.kept_as = kept_as.filter(|_| is_recorded || is_parked);
    let (error, limit) = why(&report.outcome);
    tracing::info!(
        outcome = report.outcome.name(),
        error.kind = error.map(|error| one_line(&error.kind, KIND)),
        error.line = error.and_then(|error| error.line),
        limit,
        fuel.used = report.usage.fuel,
        memory.peak = report.usage.memory_bytes_peak,
        duration.ms = report.usage.wall_ms,
        calls = report.usage.tool_calls,
        "run ended"
    );
    report
}

/// Adds the configuration key to change to the hint of a timed-out call, for the model to show to its user.
fn advised(mut report: Report) -> Report {
    if let Outcome::Raised(error) = &mut report.outcome
        && error.kind == "ToolTimeout"
    {
        let advice = "raise `call_timeout_ms` in [limits] or of the server";
        error.hint.get_or_insert_with(|| advice.to_owned());
    }
    report
}

/// Why a run ended other than by returning. The message of an error may contain a tool's result and is not logged.
fn why(outcome: &Outcome) -> (Option<&ScriptError>, Option<&'static str>) {
    match outcome {
        Outcome::Raised(error) | Outcome::Denied(error) => (Some(error), None),
        Outcome::Stopped(stop) => (stop.error.as_ref(), Some(stop.limit.name())),
        _ => (None, None),
    }
}

/// Why a script was rejected, as reported to its author.
pub(crate) fn reason(outcome: &Outcome) -> String {
    let text = match outcome {
        Outcome::Raised(error) | Outcome::Denied(error) => format!("{}\n{}", error.message, error.traceback),
        Outcome::Stopped(stop) => stop.message.clone(),
        Outcome::AwaitingApproval(held) => awaiting(held),
        Outcome::Exhausted(exhausted) => exhausted.to_string(),
        // What went wrong inside is in the log.
        _ => String::new(),
    };
    cut(text.trim_end(), REASON)
}

/// Puts the notes into the log of a run that made calls one after the other: with one call there was nothing to gain.
pub(crate) fn noted(mut report: Report, notes: &[Note]) -> Report {
    if report.calls.len() > 1 {
        if !notes.is_empty() && !report.logs.text.is_empty() && !report.logs.text.ends_with('\n') {
            report.logs.text.push('\n');
        }
        for Note { line, message, .. } in notes {
            let _ = writeln!(report.logs.text, "note on line {line}: {message}");
        }
    }
    report
}

/// Adds what fails in a script that catches it and returned: a call that is rejected before it is made leaves no other trace. What the
/// script reports itself, or the guest in the log, is not reported again.
pub(crate) fn with_caught(mut report: Report, caught: &[Finding]) -> Report {
    let Outcome::Returned(result) = &report.outcome else { return report };
    let is_reported = |finding: &Finding| {
        let problem = finding.message.split(SIGNATURE).next().unwrap_or_default().trim_end_matches([';', ' ', '\n']);
        let quoted = serde_json::Value::from(problem).to_string();
        let noted = format!("note on line {}{REFUSED}", finding.line);
        report.logs.text.contains(&noted)
            || report.logs.text.contains(problem)
            || result.as_str().contains(quoted.trim_matches('"'))
    };
    // One line fails once.
    let lines = caught.chunk_by(|one, other| one.line == other.line).filter(|line| !line.iter().any(is_reported));
    let notes: Vec<String> = lines
        .filter_map(<[Finding]>::first)
        .take(CAUGHT)
        .map(|Finding { line, message, .. }| {
            format!("line {line} fails where it runs, and the script catches that: {message}")
        })
        .collect();
    report.notes.extend(notes);
    report
}

/// Adds what to do about a script that returned nothing and printed nothing.
pub(crate) fn with_ending(mut report: Report, advice: Option<String>) -> Report {
    let is_nothing = matches!(&report.outcome, Outcome::Returned(value) if value.as_str() == "null");
    if is_nothing && report.logs.text.is_empty() {
        report.notes.extend(advice);
    }
    report
}

/// Gives the calls the names that the script writes, and adds the notes on them.
pub(crate) fn tell_calls(report: &mut Report, namespace: &Namespace, notes: &CallNotes) {
    let mut names: HashMap<(String, String), Option<Arc<str>>> = HashMap::new();
    for call in &mut report.calls {
        let key = (call.server.clone(), call.tool.clone());
        let name = names.entry(key).or_insert_with(|| python_name(namespace, &call.server, &call.tool).map(Into::into));
        call.python_name.clone_from(name);
        call.retries = call.id.map_or(0, |id| notes.retries_of(id));
    }
    let shown = |name: &ToolName| python_name(namespace, &name.server, &name.tool).unwrap_or_else(|| name.to_string());
    let has_failed = !matches!(report.outcome, Outcome::Returned(_));
    report.notes.extend(notes.sentences(has_failed, shown));
}

/// `crm.get_order`, as a script writes it.
fn python_name(namespace: &Namespace, server: &str, tool: &str) -> Option<String> {
    let server = namespace.server(server)?;
    Some(format!("{}.{}", server.python_name, server.tool(tool)?.python_name))
}
