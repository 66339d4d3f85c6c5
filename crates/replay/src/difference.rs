//! What differs between the end of a recorded run and that of a replay.

use exuvia_journal::{RunEnd, RunError};
use exuvia_policy::{REDACTED, Redaction};
use exuvia_runtime::{Outcome, Report, ScriptError};
use exuvia_text::quoted;
use exuvia_tool::Json;

use crate::departure::Departure;

/// The most that is shown of a text, in characters.
const SHOWN: usize = 200;

/// Something of the end that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// What it is: `outcome`, `limit`, `result`, `error`, `log`, `calls`, `fuel` or `memory_bytes_peak`.
    pub what: &'static str,
    /// What is recorded: a number, a name, or a quoted and bounded text around the place where both part, redacted.
    pub recorded: String,
    /// What the replay has.
    pub replayed: String,
}

impl From<Difference> for Departure {
    fn from(Difference { what, recorded, replayed }: Difference) -> Self {
        Self::End { what, recorded, replayed }
    }
}

/// All that differs, what matters most first. Contents are compared as they are, and redacted as a whole before a part of them is quoted.
pub(crate) fn differences(end: &RunEnd, report: &Report, redaction: &Redaction) -> Vec<Difference> {
    let (result, error, limit) = ended(&report.outcome);
    let name = report.outcome.name();
    let results = [end.result.as_ref(), result];
    let errors = [end.error.clone(), error.map(recorded)];
    let found = [
        (end.outcome != name).then(|| difference("outcome", &end.outcome, name)),
        (end.limit.as_deref() != limit)
            .then(|| difference("limit", end.limit.as_deref().unwrap_or("none"), limit.unwrap_or("none"))),
        contents("result", results, |json| json.map_or_else(none, |json| redaction.json(json).into_string())),
        contents("error", errors.each_ref().map(Option::as_ref), |error| {
            error.map_or_else(none, |error| told(error, redaction))
        }),
        logs(end, report, redaction),
        numbers("log_dropped_bytes", end.log_dropped_bytes, report.logs.dropped_bytes),
        numbers("calls", end.usage.tool_calls, report.usage.tool_calls),
        numbers("fuel", end.usage.fuel, report.usage.fuel),
        numbers("memory_bytes_peak", end.usage.memory_bytes_peak, report.usage.memory_bytes_peak),
    ];
    found.into_iter().flatten().collect()
}

/// The log of a run that was cut off: as far as both go, they are the same.
pub(crate) fn log_difference(end: &RunEnd, report: &Report, redaction: &Redaction) -> Option<Difference> {
    let (recorded, replayed) = (&end.log, &report.logs.text);
    let is_same = recorded.starts_with(replayed.as_str()) || replayed.starts_with(recorded.as_str());
    if is_same { None } else { logs(end, report, redaction) }
}

fn ended(outcome: &Outcome) -> (Option<&Json>, Option<&ScriptError>, Option<&'static str>) {
    match outcome {
        Outcome::Returned(value) => (Some(value), None, None),
        Outcome::Raised(error) | Outcome::Denied(error) => (None, Some(error), None),
        Outcome::Stopped(stop) => (None, stop.error.as_ref(), Some(stop.limit.name())),
        _ => (None, None, None),
    }
}

fn recorded(error: &ScriptError) -> RunError {
    let ScriptError { kind, message, line, traceback, hint } = error.clone();
    RunError { kind, message, line, traceback, hint }
}

fn none() -> String {
    "none".to_owned()
}

/// An error as one text: where two differ, it shows how.
fn told(RunError { kind, message, line, traceback, hint }: &RunError, redaction: &Redaction) -> String {
    let line = line.map_or(String::new(), |line| format!(" on line {line}"));
    let hint = redaction.text(hint.as_deref().unwrap_or_default());
    format!("{kind}: {}{line}\n{}\n{hint}", redaction.text(message), redaction.text(traceback))
}

fn logs(end: &RunEnd, report: &Report, redaction: &Redaction) -> Option<Difference> {
    contents("log", [end.log.as_str(), &report.logs.text], |log| redaction.text(log).into_owned())
}

/// What is recorded and what the replay has, if that differs. `shown` makes the text that may be shown.
fn contents<T: PartialEq + Copy>(
    what: &'static str,
    [recorded, replayed]: [T; 2],
    shown: impl Fn(T) -> String,
) -> Option<Difference> {
    (recorded != replayed).then(|| parted(what, &shown(recorded), &shown(replayed)))
}

/// Two texts around the place where they part.
fn parted(what: &'static str, recorded: &str, replayed: &str) -> Difference {
    if recorded == replayed {
        // All that differs is hidden.
        return difference(what, REDACTED, REDACTED);
    }
    let same = recorded.bytes().zip(replayed.bytes()).take_while(|(one, other)| one == other).count();
    // Some of what both have, so that the place is found.
    let around = |text: &str| quoted(&text[text.floor_char_boundary(same.saturating_sub(SHOWN / 4))..], SHOWN);
    difference(what, &around(recorded), &around(replayed))
}

fn numbers(what: &'static str, recorded: u64, replayed: u64) -> Option<Difference> {
    (recorded != replayed).then(|| difference(what, &recorded.to_string(), &replayed.to_string()))
}

fn difference(what: &'static str, recorded: &str, replayed: &str) -> Difference {
    Difference { what, recorded: recorded.to_owned(), replayed: replayed.to_owned() }
}
