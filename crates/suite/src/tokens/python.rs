//! Small Python programs of the suite itself, run in the sandbox.

use exuvia_runtime::{Engine, Limits, Outcome, Script};
use exuvia_tool::{BoxFuture, CallError, Deadline, Namespace, ToolCall, ToolHost, ToolOutcome};
use serde_json::Value;
use std::sync::{Arc, LazyLock};

/// Nothing to call.
struct NoTools;

static NO_SERVERS: LazyLock<Namespace> = LazyLock::new(|| Namespace::new(Vec::new()));

impl ToolHost for NoTools {
    fn namespace(&self) -> &Namespace {
        &NO_SERVERS
    }

    fn call(&self, call: ToolCall, _: Deadline) -> BoxFuture<'static, ToolOutcome> {
        let unknown = CallError::UnknownTool(format!("there is no tool {}", call.name));
        Box::pin(async move { Err(unknown) })
    }
}

/// The result of `source` with this in its variable `data`.
///
/// # Errors
///
/// How it ended instead of returning, for whoever wrote the suite.
pub(super) async fn run(engine: &Engine, source: &str, data: &Value) -> Result<Value, String> {
    // Escapes of JSON texts are escapes of Python's.
    let literal = Value::String(data.to_string());
    let source = format!("import json; data = json.loads({literal})\n{source}");
    let limits = Limits { source_bytes: 32 << 20, ..Limits::default() };
    let report = engine.run(Script::new(source), limits, Arc::new(NoTools)).execute().await;
    match report.outcome {
        Outcome::Returned(result) => result.to_value().map_err(|error| error.to_string()),
        Outcome::Raised(error) => Err(format!("{}: {} (line {:?})", error.kind, error.message, error.line)),
        Outcome::Stopped(stop) => Err(format!("stopped by {}", stop.limit.name())),
        other => Err(other.name().to_owned()),
    }
}
