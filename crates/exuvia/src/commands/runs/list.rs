//! `exuvia runs list`.

use exuvia_journal::Summary;
use exuvia_policy::Redaction;
use exuvia_text::one_line;
use exuvia_tool::Origin;
use serde_json::{Value, json};

use super::{table, utc};

/// How much of an error is shown, in characters.
const ERROR_CHARS: usize = 80;

pub(super) fn text(found: &[Summary], redaction: &Redaction) -> String {
    if found.is_empty() {
        return "no runs\n".to_owned();
    }
    let headings = ["RUN", "STARTED", "PRINCIPAL", "OUTCOME", ">CALLS", ">FAILED", ">MS", ">FUEL", ">COST", "ERROR"];
    let row = |summary: &Summary| {
        let ms = summary.ended_ms.map(|ended| ended.saturating_sub(summary.started_ms).to_string());
        [
            id(summary),
            utc(summary.started_ms),
            one_line(&summary.principal.to_string(), ERROR_CHARS),
            one_line(&outcome(summary), ERROR_CHARS),
            summary.calls.to_string(),
            summary.failed_calls.to_string(),
            ms.unwrap_or_default(),
            summary.fuel.to_string(),
            summary.cost.to_string(),
            one_line(&error(summary, redaction).unwrap_or_default(), ERROR_CHARS),
        ]
    };
    table(headings, found.iter().map(row))
}

pub(super) fn json(found: &[Summary], redaction: &Redaction) -> Value {
    let one = |summary: &Summary| {
        json!({
            "id": id(summary),
            "kind": if summary.origin.run().is_some() { "run" } else { "direct" },
            "principal": summary.principal,
            "started_at": utc(summary.started_ms),
            "ended_at": summary.ended_ms.map(utc),
            "outcome": summary.outcome,
            "calls": summary.calls,
            "failed_calls": summary.failed_calls,
            "fuel": summary.fuel,
            "cost": summary.cost,
            "error": error(summary, redaction),
            "is_erased": summary.is_erased,
        })
    };
    json!({"runs": found.iter().map(one).collect::<Vec<_>>()})
}

fn id(summary: &Summary) -> String {
    match &summary.origin {
        Origin::Run(run) => run.to_string(),
        Origin::Direct(call) => call.to_string(),
        _ => String::new(),
    }
}

fn outcome(summary: &Summary) -> String {
    let outcome = summary.outcome.clone().unwrap_or_else(|| "unknown".to_owned());
    if summary.is_erased { format!("{outcome}, erased") } else { outcome }
}

fn error(summary: &Summary, redaction: &Redaction) -> Option<String> {
    summary.error.as_deref().map(|error| redaction.text(error).into_owned())
}
