//! Tools that live in the test process, under the names that the corpora and the cases use.

use std::sync::Arc;
use std::time::Duration;

use exuvia_catalog::files::{Layouts, StubFiles};
use exuvia_test_support::descriptor;
use exuvia_tool::{
    BoxFuture, CallError, Deadline, Json, Namespace, ToolCall, ToolDescriptor, ToolHost, ToolName, ToolOutcome,
};
use serde_json::{Value, json};

/// `youtube` and `filesystem` as the corpora assume them, a small `crm`, and `lab`, whose tools fail in all ways.
pub struct TestTools {
    namespace: Arc<Namespace>,
}

impl TestTools {
    /// The same tools every time.
    #[must_use]
    pub fn new() -> Self {
        let servers = [("youtube", youtube()), ("filesystem", filesystem()), ("crm", crm()), ("lab", lab())];
        let servers = servers.into_iter().map(|(name, tools)| (name.to_owned(), tools)).collect();
        Self { namespace: Arc::new(exuvia_catalog::build(servers)) }
    }
}

impl Default for TestTools {
    fn default() -> Self {
        Self::new()
    }
}

impl ToolHost for TestTools {
    fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    fn search(&self, query: String) -> BoxFuture<'static, String> {
        let stubs = StubFiles::new(Arc::clone(&self.namespace), Layouts::default());
        Box::pin(async move { stubs.list(Some(&query), 8_000) })
    }

    fn call(&self, mut call: ToolCall, deadline: Deadline) -> BoxFuture<'static, ToolOutcome> {
        let namespace = Arc::clone(&self.namespace);
        Box::pin(async move {
            let tool = namespace.server(&call.name.server).and_then(|server| server.tool(&call.name.tool));
            let tool = tool.ok_or_else(|| CallError::UnknownTool(format!("there is no tool {}", call.name)))?;
            let arguments = call.arguments.tree().map_err(|error| CallError::InvalidArguments(error.to_string()))?;
            tool.arguments.check(arguments).map_err(CallError::InvalidArguments)?;
            let answer = tokio::time::timeout_at(deadline.at().into(), answer(&call.name, arguments));
            answer.await.unwrap_or_else(|_| Err(deadline.missed()))
        })
    }
}

async fn answer(name: &ToolName, arguments: &Value) -> ToolOutcome {
    let value = match (name.server.as_str(), name.tool.as_str()) {
        ("youtube", "search") => json!([{"id": "1", "title": arguments["query"]}]),
        ("youtube", "delete_video") => {
            return Err(CallError::Denied("youtube.delete_video may not be called by this script".into()));
        }
        ("crm", "get_contacts") => contacts(arguments),
        ("crm", "get_last_order") => order(arguments),
        ("lab", "echo") => arguments.get("value").cloned().unwrap_or(Value::Null),
        ("lab", "text-of") => Value::String("x".repeat(arguments["bytes"].as_u64().unwrap_or(0) as usize)),
        ("lab", "sleep") => {
            tokio::time::sleep(Duration::from_millis(arguments["ms"].as_u64().unwrap_or(0))).await;
            arguments["ms"].clone()
        }
        ("lab", "rows") => rows(arguments),
        ("lab", "books" | "shelves" | "shelf") => books(arguments),
        ("lab", "fail") => return Err(failure(arguments["how"].as_str().unwrap_or(""))),
        _ => json!({"tool": name.to_string(), "arguments": arguments}),
    };
    Ok(Json::from_value(&value))
}

fn failure(how: &str) -> CallError {
    match how {
        "denied" => CallError::Denied("lab.fail may not be called by this script".into()),
        "timeout" => CallError::TimedOut(5),
        "unavailable" => CallError::UpstreamUnavailable("lab is not running".into()),
        "data" => {
            CallError::ToolFailed { message: "no such row".into(), data: Some(Json::from_value(&json!({"row": 7}))) }
        }
        _ => CallError::ToolFailed { message: format!("failed: {how}"), data: None },
    }
}

fn contacts(arguments: &Value) -> Value {
    let limit = arguments["limit"].as_u64().unwrap_or(3);
    let items: Vec<_> = (1..=limit).map(|id| json!({"id": id, "name": format!("Contact {id}")})).collect();
    json!({"items": items, "total": limit})
}

/// Five rows in pages, with a cursor.
fn rows(arguments: &Value) -> Value {
    let begin = arguments["cursor"].as_str().and_then(|cursor| cursor.strip_prefix('c')?.parse().ok()).unwrap_or(1_u64);
    let end = (begin + arguments["limit"].as_u64().unwrap_or(2)).min(6);
    let next = if end == 6 { Value::Null } else { json!(format!("c{end}")) };
    json!({"items": (begin..end).collect::<Vec<_>>(), "pagination": {"next_cursor": next}})
}

/// Five books in pages, in the form that is asked for. `n` is a parameter that `retry` has as well.
fn books(arguments: &Value) -> Value {
    let number = |name: &str, default: u64| arguments[name].as_u64().unwrap_or(default);
    let of = |begin: u64| (begin..(begin + 2).min(5)).collect::<Vec<_>>();
    match arguments["form"].as_str().unwrap_or("") {
        "offset" => json!({"start_at": number("start_at", 0), "total": 5, "items": of(number("start_at", 0))}),
        "from zero" => json!({"page": number("page", 0), "items": of(number("page", 0) * 2)}),
        "with links" => {
            let page = number("page", 1);
            let next = if page < 3 { json!(format!("https://books.test/?page={}", page + 1)) } else { Value::Null };
            json!({"next": next, "items": [page]})
        }
        "more" => json!({"has_more": true, "items": [1]}),
        "same" => json!({"next_cursor": "c", "items": [arguments["page_token"]]}),
        _ => json!(number("n", 0)),
    }
}

fn order(arguments: &Value) -> Value {
    let id = arguments["id"].as_u64().unwrap_or(0);
    json!({"order_id": id * 10, "total": id as f64 * 100.5, "currency": "EUR"})
}

fn youtube() -> Vec<ToolDescriptor> {
    vec![
        tool("search", "Search videos.", json!({"query": {"type": "string"}}), &["query"]),
        tool("get_video", "One video.", json!({"id": {"type": "string"}}), &["id"]),
        tool("delete_video", "Deletes a video.", json!({"id": {"type": "string"}}), &["id"]),
    ]
}

fn filesystem() -> Vec<ToolDescriptor> {
    vec![
        tool("read_file", "Reads a file.", json!({"path": {"type": "string"}}), &["path"]),
        tool("delete_file", "Deletes a file.", json!({"path": {"type": "string"}}), &["path"]),
    ]
}

fn crm() -> Vec<ToolDescriptor> {
    vec![
        tool(
            "get_contacts",
            "All contacts.",
            json!({"limit": {"type": "integer", "default": 3}, "tag": {"type": "string"}}),
            &[],
        ),
        tool("get_last_order", "The last order of a contact.", json!({"id": {"type": "integer"}}), &["id"]),
    ]
}

fn lab() -> Vec<ToolDescriptor> {
    vec![
        tool("echo", "Gives back what it got.", json!({"value": {}}), &["value"]),
        tool("text-of", "A text of so many bytes.", json!({"bytes": {"type": "integer"}}), &["bytes"]),
        tool("sleep", "Answers later.", json!({"ms": {"type": "integer"}}), &["ms"]),
        tool("rows", "Rows in pages.", json!({"limit": {"type": "integer"}, "cursor": {"type": "string"}}), &[]),
        tool(
            "books",
            "Books in pages.",
            json!({
                "form": {"type": "string"}, "n": {"type": "integer"}, "page_token": {"type": "string"},
                "start_at": {"type": "integer"},
            }),
            &["form"],
        ),
        tool("shelves", "Books by page.", json!({"form": {"type": "string"}, "page": {"type": "integer"}}), &["form"]),
        tool(
            "shelf",
            "Books of a page.",
            json!({"form": {"type": "string"}, "page": {"type": "integer"}}),
            &["form", "page"],
        ),
        tool("fail", "Fails.", json!({"how": {"type": "string"}}), &["how"]),
        tool(
            "move",
            "Odd parameter names.",
            json!({"from": {"type": "string"}, "max-rows": {"type": "integer"}}),
            &["from"],
        ),
    ]
}

fn tool(name: &str, description: &str, properties: Value, required: &[&str]) -> ToolDescriptor {
    let schema =
        json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false});
    descriptor(&json!({"name": name, "description": description, "inputSchema": schema}))
}
