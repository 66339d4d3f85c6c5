//! What came of a run, whatever host it ran in.

use exuvia_host::ScriptError;
use exuvia_runtime::{Outcome, Report};
use exuvia_tool::{CallRecord, ToolName};
use serde_json::Value;

/// What came of a run, in the words of the suite.
#[derive(Debug, Default)]
pub struct Ending {
    /// `returned`, `raised`, `denied` or `stopped`.
    pub outcome: String,
    /// The result as JSON.
    pub result: Option<String>,
    /// The class of the exception that left the script.
    pub error_kind: Option<String>,
    /// Its message.
    pub error_message: String,
    /// Its line.
    pub error_line: Option<u32>,
    /// The limit that stopped the run.
    pub limit: Option<String>,
    /// What was printed.
    pub log: String,
    /// The calls in the order in which the script made them, and their outcomes.
    pub calls: Vec<(ToolName, String)>,
}

impl Ending {
    /// With this log and these calls.
    #[must_use]
    pub fn new(log: String, calls: &[CallRecord]) -> Self {
        let call = |call: &CallRecord| (ToolName::new(&call.server, &call.tool), call.outcome.clone());
        Self { log, calls: calls.iter().map(call).collect(), ..Self::default() }
    }

    /// Of a script that came to its end.
    pub fn returned(&mut self, result: impl Into<String>) {
        self.outcome = "returned".into();
        self.result = Some(result.into());
    }

    /// Of one that an exception left.
    pub fn failed(&mut self, outcome: &str, error: &ScriptError) {
        self.outcome = outcome.into();
        (self.error_kind, self.error_line) = (Some(error.kind.clone()), error.line);
        self.error_message.clone_from(&error.message);
    }

    /// Of one that a limit stopped.
    pub fn stopped(&mut self, limit: &str) {
        self.outcome = "stopped".into();
        self.limit = Some(limit.into());
    }
}

impl From<Report> for Ending {
    fn from(report: Report) -> Self {
        let mut ending = Self::new(report.logs.text, &report.calls);
        match report.outcome {
            Outcome::Returned(result) => ending.returned(result.as_str()),
            Outcome::Raised(error) => ending.failed("raised", &error),
            Outcome::Denied(error) => ending.failed("denied", &error),
            Outcome::Stopped(stop) => ending.stopped(stop.limit.name()),
            other => ending.outcome = format!("{other:?}"),
        }
        ending
    }
}

/// As `exuvia run --json` prints it.
impl From<Value> for Ending {
    fn from(report: Value) -> Self {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let name = |call: &Value, key: &str| text(&call[key]).unwrap_or_default();
        let call = |call: &Value| (ToolName::new(name(call, "server"), name(call, "tool")), name(call, "outcome"));
        let error = &report["error"];
        Self {
            outcome: name(&report, "outcome"),
            result: (report["outcome"] == "returned").then(|| report["result"].to_string()),
            error_kind: text(&error["kind"]),
            error_message: name(error, "message"),
            error_line: error["line"].as_u64().and_then(|line| u32::try_from(line).ok()),
            limit: text(&report["limit"]),
            log: name(&report, "logs"),
            calls: report["calls"].as_array().into_iter().flatten().map(call).collect(),
        }
    }
}
