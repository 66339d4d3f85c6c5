//! The server `lab`: tools of workloads, which answer from this process.

use std::sync::Arc;
use std::time::Duration;

use exuvia_tool::{
    BoxFuture, CallError, Deadline, Json, Namespace, ToolAnnotations, ToolCall, ToolDescriptor, ToolHost, ToolOutcome,
};
use serde_json::{Value, json};

const SERVER: &str = "lab";

/// How long `lab.later` takes.
const LATER: Duration = Duration::from_millis(20);

/// Rows that `lab.rows` has.
const ROWS: u64 = 2_000;

/// One tool.
pub(super) struct LabTool {
    tool: &'static str,
    about: &'static str,
    properties: fn() -> Value,
    required: &'static [&'static str],
}

impl LabTool {
    /// `lab.echo`
    pub(super) fn name(&self) -> String {
        format!("{SERVER}.{}", self.tool)
    }

    fn descriptor(&self) -> ToolDescriptor {
        ToolDescriptor {
            name: self.tool.into(),
            title: None,
            description: Some(self.about.into()),
            input_schema: json!({"type": "object", "properties": (self.properties)(), "required": self.required}),
            output_schema: None,
            annotations: ToolAnnotations { read_only: Some(true), ..ToolAnnotations::default() },
        }
    }
}

/// All tools that a workload can ask for.
pub(super) static TOOLS: [LabTool; 4] = [
    LabTool { tool: "echo", about: "Gives back its value.", properties: || json!({"value": {}}), required: &["value"] },
    LabTool {
        tool: "later",
        about: "Gives back its value after a while: for calls in parallel, whose answers come together.",
        properties: || json!({"value": {}}),
        required: &["value"],
    },
    LabTool {
        tool: "rows",
        about: "A page of 2,000 orders.",
        properties: || json!({"offset": {"type": "integer", "minimum": 0}, "limit": {"type": "integer", "minimum": 1, "maximum": 500}}),
        required: &[],
    },
    LabTool {
        tool: "fail",
        about: "Fails with this message.",
        properties: || json!({"message": {"type": "string"}}),
        required: &["message"],
    },
];

/// The tools of one run.
#[derive(Clone)]
pub(super) struct Lab {
    namespace: Arc<Namespace>,
}

impl Lab {
    /// With these tools; without any there is no server.
    pub(super) fn new(tools: &[String]) -> Self {
        let granted = TOOLS.iter().filter(|tool| tools.contains(&tool.name()));
        let granted: Vec<ToolDescriptor> = granted.map(LabTool::descriptor).collect();
        let servers = if granted.is_empty() { Vec::new() } else { vec![(SERVER.to_owned(), granted)] };
        Self { namespace: Arc::new(exuvia_catalog::build(servers)) }
    }

    /// Checks a call as a gateway would, and answers it.
    fn answer(&self, call: ToolCall) -> ToolOutcome {
        let tool = self.namespace.server(&call.name.server).and_then(|server| server.tool(&call.name.tool));
        let tool = tool.ok_or_else(|| CallError::UnknownTool(format!("there is no tool {}", call.name)))?;
        let mut arguments =
            call.arguments.into_tree().map_err(|error| CallError::InvalidArguments(error.to_string()))?;
        tool.arguments.check(&arguments).map_err(CallError::InvalidArguments)?;
        match &*call.name.tool {
            "rows" => Ok(Json::from_value(&rows(&arguments))),
            "fail" => {
                let message = arguments["message"].as_str().unwrap_or_default().to_owned();
                Err(CallError::ToolFailed { message, data: None })
            }
            _ => Ok(Json::from_value(&arguments["value"].take())),
        }
    }
}

/// Made by arithmetic: the same on every machine.
fn rows(arguments: &Value) -> Value {
    let number = |name: &str, default| arguments.get(name).and_then(Value::as_u64).unwrap_or(default);
    let (offset, limit) = (number("offset", 0).min(ROWS), number("limit", 100));
    let end = (offset + limit).min(ROWS);
    let row = |n: u64| {
        let region = ["north", "east", "south", "west"][(n % 4) as usize];
        json!({"id": n, "customer": format!("c{}", n * 7_919 % 97), "region": region, "amount": n * 317 % 1_000})
    };
    let next = if end < ROWS { json!(end) } else { Value::Null };
    json!({"items": (offset..end).map(row).collect::<Vec<_>>(), "total": ROWS, "next": next})
}

impl ToolHost for Lab {
    fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    fn call(&self, call: ToolCall, _: Deadline) -> BoxFuture<'static, ToolOutcome> {
        let later = call.name.tool == "later";
        let answer = self.answer(call);
        Box::pin(async move {
            if later {
                tokio::time::sleep(LATER).await;
            }
            answer
        })
    }
}
