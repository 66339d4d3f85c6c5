//! The list of tools.

use serde_json::{Value, json};

use crate::options::Options;

const TOOLS: &[&str] = &[
    "echo",
    "answer",
    "error",
    "lines",
    "long",
    "endless",
    "not_utf8",
    "hang",
    "exit",
    "half",
    "ask",
    "flood",
    "change",
    "seen",
    "process",
    "request",
    "environment",
    "http",
];

/// Answers one `tools/list`.
pub(crate) fn list(options: &Options, changes: u64, params: &Value) -> Value {
    let page: u64 = params.get("cursor").and_then(Value::as_str).and_then(|cursor| cursor.parse().ok()).unwrap_or(1);
    let tool =
        |name: &str| json!({"name": name, "description": format!("Does {name}."), "inputSchema": {"type": "object"}});
    let mut tools: Vec<Value> = match &options.tools {
        Some(file) => {
            let text = std::fs::read_to_string(file).unwrap_or_default();
            let mut value: Value = serde_json::from_str(&text).unwrap_or_default();
            if let Some(tools) = value.get_mut("tools") {
                value = tools.take();
            }
            value.as_array().cloned().unwrap_or_default()
        }
        None if page == 1 => TOOLS.iter().map(|name| tool(name)).collect(),
        None => vec![tool(&format!("page_{page}"))],
    };
    if page == 1 && options.tools.is_none() {
        tools.push(json!({"name": "boxed", "inputSchema": {"type": "object"}, "outputSchema": {
            "type": "object", "properties": {"result": {}}, "x-fastmcp-wrap-result": true,
        }}));
        if options.subscribe {
            tools.push(tool("touch"));
        }
        if changes > 0 {
            tools.push(tool(&format!("change_{changes}")));
        }
    }
    if options.malformed && page == 1 {
        tools.insert(1, json!({"name": "no_schema"}));
        tools.insert(2, json!({"name": 7, "inputSchema": {"type": "object"}}));
        tools.insert(3, json!("what?"));
    }
    let mut result = json!({"tools": tools, "resultType": "complete", "ttlMs": 0, "cacheScope": "private"});
    if let Some(cursor) = &options.cursor {
        result["nextCursor"] = json!(cursor);
    } else if options.pages.is_some_and(|pages| pages == 0 || page < pages) {
        result["nextCursor"] = json!((page + 1).to_string());
    }
    result
}
