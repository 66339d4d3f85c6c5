//! The report as JSON: what `exuvia run --json` prints.

use std::borrow::Cow;

use exuvia_tool::{CallRecord, HeldCall};
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::{Outcome, Report, ScriptError, Usage};

#[derive(Serialize)]
struct ReportJson<'a> {
    outcome: &'static str,
    result: Option<Value>,
    logs: &'a str,
    logs_dropped_bytes: u64,
    error: Option<ErrorJson<'a>>,
    limit: Option<&'static str>,
    awaiting: Vec<AwaitingJson<'a>>,
    notes: &'a [String],
    calls: &'a [CallRecord],
    usage: Usage,
}

/// A call that waits for an approval.
#[derive(Serialize)]
struct AwaitingJson<'a> {
    server: &'a str,
    tool: &'a str,
    /// Null where the whole script waits.
    arguments: Option<Value>,
    /// The line of configuration that would let it run without asking.
    allow: &'a str,
}

#[derive(Serialize)]
struct ErrorJson<'a> {
    kind: &'a str,
    message: Cow<'a, str>,
    line: Option<u32>,
    traceback: &'a str,
    hint: Option<&'a str>,
}

/// One object, always with the same keys. What does not apply is null.
impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        ReportJson::new(self).serialize(serializer)
    }
}

impl<'a> ReportJson<'a> {
    fn new(report: &'a Report) -> Self {
        let (result, limit, error) = match &report.outcome {
            // A result that is too large for a tree is written as it is.
            Outcome::Returned(result) => {
                (Some(result.to_value().unwrap_or_else(|_| result.clone().into_leaf())), None, None)
            }
            Outcome::Raised(error) | Outcome::Denied(error) => (None, None, Some(script_error(error))),
            Outcome::Stopped(stop) => {
                let error = stop.error.as_ref().map_or_else(|| plain("Stopped", stop.message.as_str()), script_error);
                (None, Some(stop.limit.name()), Some(error))
            }
            Outcome::Exhausted(exhausted) => (None, None, Some(plain("BudgetExhausted", exhausted.to_string()))),
            Outcome::Cancelled => (None, None, Some(plain("Cancelled", "the run was cancelled"))),
            Outcome::AwaitingApproval(_) => {
                (None, None, Some(plain("AwaitingApproval", "calls require approval; see `awaiting`")))
            }
            Outcome::Unavailable(why) => (None, None, Some(plain("Unavailable", why.as_str()))),
            Outcome::Void(why) => (None, None, Some(plain("Void", why.as_str()))),
            Outcome::Fault(message) => (None, None, Some(plain("Fault", message.as_str()))),
        };
        Self {
            outcome: report.outcome.name(),
            result,
            logs: &report.logs.text,
            logs_dropped_bytes: report.logs.dropped_bytes,
            error,
            limit,
            awaiting: awaiting(&report.outcome),
            notes: &report.notes,
            calls: &report.calls,
            usage: report.usage,
        }
    }
}

fn awaiting<'a>(outcome: &'a Outcome) -> Vec<AwaitingJson<'a>> {
    let Outcome::AwaitingApproval(held) = outcome else { return Vec::new() };
    let call = |call: &'a HeldCall| {
        let HeldCall { name, arguments, allow, .. } = call;
        let arguments = arguments.as_ref().and_then(|arguments| arguments.to_value().ok());
        AwaitingJson { server: &name.server, tool: &name.tool, arguments, allow }
    };
    held.iter().map(call).collect()
}

fn script_error(error: &ScriptError) -> ErrorJson<'_> {
    ErrorJson {
        kind: &error.kind,
        message: error.message.as_str().into(),
        line: error.line,
        traceback: &error.traceback,
        hint: error.hint.as_deref(),
    }
}

fn plain<'a>(kind: &'a str, message: impl Into<Cow<'a, str>>) -> ErrorJson<'a> {
    ErrorJson { kind, message: message.into(), line: None, traceback: "", hint: None }
}

#[cfg(test)]
mod tests {
    use exuvia_tool::Json;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_report_has_the_same_keys_however_the_run_ended() {
        let mut report = Report::fault("no disk".to_owned());
        let fault = serde_json::to_value(&report).expect("JSON");
        report.outcome = Outcome::Returned(Json::parse("[1.50]").expect("JSON"));
        let text = serde_json::to_string(&report).expect("JSON");
        let returned: Value = serde_json::from_str(&text).expect("JSON");
        let keys = |value: &Value| value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(&fault), keys(&returned));
        assert!(text.starts_with(r#"{"outcome":"returned","result":[1.50],"logs":"","#), "{text}");
        assert_eq!((&fault["result"], &fault["error"]["kind"]), (&Value::Null, &json!("Fault")));
    }
}
