//! The protocol, both eras of it.

use std::io::{BufRead, Write};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::call::call;
use crate::options::{Options, Stop};
use crate::record;

/// What the server knows.
pub(crate) struct Server {
    pub(crate) child: Option<Child>,
    /// Methods that it was sent, and `cancelled ID`.
    pub(crate) seen: Vec<String>,
    pub(crate) calls: u64,
    /// The request that waits for an answer to a question of ours.
    pub(crate) asking: Option<Value>,
}

/// What comes of a message.
pub(crate) enum Reply {
    Result(Value),
    Error(Value),
    /// These bytes, as they are.
    Raw(Vec<u8>),
    Nothing,
    Exit(u8),
}

/// Serves until its input closes. Gives the exit code.
pub(crate) fn run(options: &Options) -> u8 {
    if let Some(text) = &options.stderr {
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
    let child = options.child.then(|| {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "trap '' TERM; while :; do sleep 5; done"]).stdin(Stdio::null());
        command.spawn().ok()
    });
    if options.garbage {
        send(b"Server listening on stdio!\n\xff\xfe not text\n{\"half\": \n[]\n42\n\n");
    }
    match options.at("start") {
        Some(Stop::Exit) => return 3,
        Some(Stop::Hang) => forever(),
        None => {}
    }
    let mut server = Server { child: child.flatten(), seen: Vec::new(), calls: 0, asking: None };
    for line in std::io::stdin().lock().lines() {
        let Ok(line) = line else { break };
        let Ok(message) = serde_json::from_str::<Value>(&line) else { continue };
        let id = message.get("id").cloned();
        if let Some(file) = &options.record {
            record::append(file, &message, &line);
        }
        match (reply(&mut server, options, &message), id) {
            (Reply::Result(result), Some(id)) => send_value(&json!({"jsonrpc": "2.0", "id": id, "result": result})),
            (Reply::Error(error), Some(id)) => send_value(&json!({"jsonrpc": "2.0", "id": id, "error": error})),
            (Reply::Raw(bytes), _) => send(&bytes),
            (Reply::Exit(code), _) => return code,
            _ => {}
        }
    }
    if options.stay {
        forever();
    }
    0
}

fn reply(server: &mut Server, options: &Options, message: &Value) -> Reply {
    let Some(method) = message.get("method").and_then(Value::as_str) else {
        let Some(id) = server.asking.take() else { return Reply::Nothing };
        let text =
            format!("the client said: {}", message.get("error").or(message.get("result")).unwrap_or(&Value::Null));
        let result = json!({"content": [{"type": "text", "text": text}], "isError": true});
        send_value(&json!({"jsonrpc": "2.0", "id": id, "result": result}));
        return Reply::Nothing;
    };
    server.seen.push(match message.pointer("/params/requestId") {
        Some(id) => format!("cancelled {id}"),
        None => method.to_owned(),
    });
    let params = message.get("params").cloned().unwrap_or_default();
    let stops = |point| match options.at(point) {
        Some(Stop::Hang) => Some(Reply::Nothing),
        Some(Stop::Exit) => Some(Reply::Exit(3)),
        None => None,
    };
    match method {
        "server/discover" => stops("discover").unwrap_or_else(|| {
            if options.era == "legacy" {
                return Reply::Error(json!({"code": -32601, "message": "Method not found"}));
            }
            Reply::Result(json!({
                "resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}},
                "serverInfo": {"name": "fake", "version": "0"}, "ttlMs": 0, "cacheScope": "private",
            }))
        }),
        "initialize" => {
            if options.era == "modern" {
                return Reply::Error(json!({"code": -32601, "message": "Method not found"}));
            }
            Reply::Result(json!({
                "protocolVersion": "2025-11-25", "capabilities": {"tools": {}},
                "serverInfo": {"name": "fake", "version": "0"},
            }))
        }
        "ping" => Reply::Result(json!({})),
        "tools/list" => stops("list").unwrap_or_else(|| Reply::Result(list(options, &params))),
        "tools/call" => {
            server.calls += 1;
            if options.crash_every.is_some_and(|n| server.calls.is_multiple_of(n)) {
                return Reply::Exit(4);
            }
            if let Some(reply) = options.answers.as_deref().and_then(|file| record::answer(file, &params)) {
                return reply;
            }
            call(server, message.get("id").unwrap_or(&Value::Null), &params)
        }
        _ if message.get("id").is_some() => Reply::Error(json!({"code": -32601, "message": "Method not found"})),
        _ => Reply::Nothing,
    }
}

const TOOLS: &[&str] = &[
    "echo",
    "answer",
    "error",
    "lines",
    "long",
    "not_utf8",
    "hang",
    "exit",
    "half",
    "ask",
    "flood",
    "seen",
    "process",
    "environment",
];

fn list(options: &Options, params: &Value) -> Value {
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
    }
    if options.malformed && page == 1 {
        tools.insert(1, json!({"name": "no_schema"}));
        tools.insert(2, json!({"name": 7, "inputSchema": {"type": "object"}}));
        tools.insert(3, json!("what?"));
    }
    let mut result = json!({"tools": tools, "resultType": "complete", "ttlMs": 0, "cacheScope": "private"});
    if options.pages.is_some_and(|pages| pages == 0 || page < pages) {
        result["nextCursor"] = json!((page + 1).to_string());
    }
    result
}

pub(crate) fn send_value(value: &Value) {
    send(format!("{value}\n").as_bytes());
}

pub(crate) fn send(bytes: &[u8]) {
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(bytes).and_then(|()| stdout.flush());
}

fn forever() -> ! {
    loop {
        std::thread::sleep(std::time::Duration::from_secs(60));
    }
}
