//! The tools.

use std::io::Write;
use std::time::Duration;

use serde_json::{Value, json};

use crate::out::Out;
use crate::questions::Asking;
use crate::server::{HEADERS, Reply, Server};

/// Answers one `tools/call`.
pub(crate) fn call(server: &Server, id: &Value, params: &Value, out: &mut dyn Out) -> Reply {
    let none = json!({});
    let arguments = params.get("arguments").unwrap_or(&none);
    let number = |name: &str| arguments.get(name).and_then(Value::as_u64).unwrap_or(0);
    match params.get("name").and_then(Value::as_str).unwrap_or_default() {
        "echo" => structured(json!({"value": arguments.get("value")})),
        "answer" | "boxed" => Reply::Result(arguments.get("result").cloned().unwrap_or_default()),
        "error" => Reply::Error(arguments.get("error").cloned().unwrap_or_default()),
        "lines" => {
            let lines = arguments.get("lines").and_then(Value::as_array).cloned().unwrap_or_default();
            let token = params.pointer("/_meta/progressToken").unwrap_or(&Value::Null).to_string();
            let line = |line: &str| line.replace("$ID", &id.to_string()).replace("$TOKEN", &token).into_bytes();
            let messages: Vec<_> = lines.iter().filter_map(Value::as_str).map(line).collect();
            if arguments.get("open").and_then(Value::as_bool) == Some(true) {
                messages.iter().for_each(|message| out.message(message));
                return Reply::Nothing;
            }
            Reply::Messages(messages)
        }
        "long" => {
            let text = "x".repeat(usize::try_from(number("bytes")).unwrap_or(0));
            let result = format!(r#"{{"content":[{{"type":"text","text":"{text}"}}]}}"#);
            message(match arguments.get("id_last").and_then(Value::as_bool) {
                Some(true) => format!(r#"{{"result":{result},"jsonrpc":"2.0","id":{id}}}"#),
                _ => format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#),
            })
        }
        "endless" => {
            let head = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"content":[{{"type":"text","text":""#);
            out.begin(if arguments.get("id_last").and_then(Value::as_bool) == Some(true) {
                b"{"
            } else {
                head.as_bytes()
            });
            let part = [b'x'; 64 * 1024];
            while out.raw(&part) {}
            Reply::Exit(4)
        }
        "not_utf8" => {
            let line = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"content":[{{"type":"text","text":""#);
            Reply::Messages(vec![[line.as_bytes(), b"\xff\xfe\"}]}}"].concat()])
        }
        "work" => {
            for step in 1..=number("steps") {
                std::thread::sleep(Duration::from_millis(number("step_ms")));
                let told = json!({"progressToken": params.pointer("/_meta/progressToken"), "progress": step});
                let told = json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": told});
                out.message(told.to_string().as_bytes());
            }
            structured(json!({"value": "done"}))
        }
        "hang" => Reply::Nothing,
        "exit" => Reply::Exit(u8::try_from(number("code")).unwrap_or(1)),
        "half" => {
            out.begin(format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"content":[{{"ty"#).as_bytes());
            Reply::Exit(0)
        }
        "ask" => {
            let method = arguments.get("method").cloned().unwrap_or(json!("elicitation/create"));
            let asked = json!({"message": "who?", "requestedSchema": {"type": "object", "properties": {}}});
            let params = arguments.get("params").cloned().unwrap_or(asked);
            let question = json!({"method": method, "params": params});
            let again = number("times").saturating_sub(1);
            let asking = Asking { call: id.clone(), way: out.later(), question, again };
            let question = server.state().ask(asking);
            out.message(question.as_bytes());
            Reply::Nothing
        }
        "flood" => {
            flood(number("notifications"), number("stderr_bytes"), out);
            structured(json!({"value": "flooded"}))
        }
        "change" => {
            server.state().change();
            structured(json!({"value": "changed"}))
        }
        "touch" => {
            let address = arguments.get("uri").and_then(Value::as_str).unwrap_or_default();
            server.state().touch(address, number("times").max(1));
            structured(json!({"value": "touched"}))
        }
        "seen" => structured(json!({"seen": server.state().seen})),
        "process" => {
            let child = server.state().child.as_ref().map(std::process::Child::id);
            structured(json!({"pid": std::process::id(), "child": child}))
        }
        "request" => structured(json!({"headers": HEADERS.take()})),
        "environment" => {
            let variables: serde_json::Map<String, Value> =
                std::env::vars().map(|(name, value)| (name, value.into())).collect();
            let arguments: Vec<String> = std::env::args().skip(1).collect();
            let cwd = std::env::current_dir().unwrap_or_default();
            structured(json!({"variables": variables, "arguments": arguments, "cwd": cwd}))
        }
        "http" if server.options.http => {
            let text = arguments.to_string().replace("$ID", &id.to_string());
            Reply::Http(serde_json::from_str(&text).unwrap_or_default())
        }
        name => {
            let text = format!("there is no tool {name}");
            Reply::Result(json!({"content": [{"type": "text", "text": text}], "isError": true}))
        }
    }
}

fn flood(notifications: u64, stderr_bytes: u64, out: &mut dyn Out) {
    let message =
        json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "flood"}});
    let changed = json!({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"});
    for _ in 0..notifications {
        out.message(message.to_string().as_bytes());
        out.message(changed.to_string().as_bytes());
    }
    let mut stderr = std::io::stderr().lock();
    let line = format!("{}\n", "e".repeat(99));
    for _ in 0..stderr_bytes / 100 {
        let _ = stderr.write_all(line.as_bytes());
    }
}

fn message(text: String) -> Reply {
    Reply::Messages(vec![text.into_bytes()])
}

fn structured(value: Value) -> Reply {
    let text = value.to_string();
    Reply::Result(json!({
        "resultType": "complete", "content": [{"type": "text", "text": text}], "structuredContent": value,
    }))
}
