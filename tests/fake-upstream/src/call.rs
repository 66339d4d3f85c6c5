//! The tools.

use std::io::Write;

use serde_json::{Value, json};

use crate::server::{Reply, Server, send, send_value};

/// Answers one `tools/call`.
pub(crate) fn call(server: &mut Server, id: &Value, params: &Value) -> Reply {
    let none = json!({});
    let arguments = params.get("arguments").unwrap_or(&none);
    let number = |name: &str| arguments.get(name).and_then(Value::as_u64).unwrap_or(0);
    match params.get("name").and_then(Value::as_str).unwrap_or_default() {
        "echo" => structured(json!({"value": arguments.get("value")})),
        "answer" | "boxed" => Reply::Result(arguments.get("result").cloned().unwrap_or_default()),
        "error" => Reply::Error(arguments.get("error").cloned().unwrap_or_default()),
        "lines" => {
            let lines = arguments.get("lines").and_then(Value::as_array).cloned().unwrap_or_default();
            let text: String = lines.iter().filter_map(Value::as_str).map(|line| format!("{line}\n")).collect();
            Reply::Raw(text.replace("$ID", &id.to_string()).into_bytes())
        }
        "long" => {
            let text = "x".repeat(usize::try_from(number("bytes")).unwrap_or(0));
            let result = format!(r#"{{"content":[{{"type":"text","text":"{text}"}}]}}"#);
            Reply::Raw(match arguments.get("id_last").and_then(Value::as_bool) {
                Some(true) => format!("{{\"result\":{result},\"jsonrpc\":\"2.0\",\"id\":{id}}}\n").into_bytes(),
                _ => format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{result}}}\n").into_bytes(),
            })
        }
        "not_utf8" => {
            let line = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"content":[{{"type":"text","text":""#);
            Reply::Raw([line.as_bytes(), b"\xff\xfe\"}]}}\n"].concat())
        }
        "hang" => Reply::Nothing,
        "exit" => Reply::Exit(u8::try_from(number("code")).unwrap_or(1)),
        "half" => {
            send(format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"content":[{{"ty"#).as_bytes());
            Reply::Exit(0)
        }
        "ask" => {
            server.asking = Some(id.clone());
            let method = arguments.get("method").cloned().unwrap_or(json!("elicitation/create"));
            send_value(&json!({"jsonrpc": "2.0", "id": "question-1", "method": method, "params": {"message": "who?"}}));
            Reply::Nothing
        }
        "flood" => {
            let notification = json!({"level": "info", "data": "flood"});
            for _ in 0..number("notifications") {
                send_value(&json!({"jsonrpc": "2.0", "method": "notifications/message", "params": notification}));
                send_value(&json!({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}));
            }
            let mut stderr = std::io::stderr().lock();
            let line = format!("{}\n", "e".repeat(99));
            for _ in 0..number("stderr_bytes") / 100 {
                let _ = stderr.write_all(line.as_bytes());
            }
            structured(json!({"value": "flooded"}))
        }
        "seen" => structured(json!({"seen": server.seen})),
        "process" => {
            let child = server.child.as_ref().map(std::process::Child::id);
            structured(json!({"pid": std::process::id(), "child": child}))
        }
        "environment" => {
            let variables: serde_json::Map<String, Value> =
                std::env::vars().map(|(name, value)| (name, value.into())).collect();
            let arguments: Vec<String> = std::env::args().skip(1).collect();
            let cwd = std::env::current_dir().unwrap_or_default();
            structured(json!({"variables": variables, "arguments": arguments, "cwd": cwd}))
        }
        name => {
            let text = format!("there is no tool {name}");
            Reply::Result(json!({"content": [{"type": "text", "text": text}], "isError": true}))
        }
    }
}

fn structured(value: Value) -> Reply {
    let text = value.to_string();
    Reply::Result(json!({
        "resultType": "complete", "content": [{"type": "text", "text": text}], "structuredContent": value,
    }))
}
