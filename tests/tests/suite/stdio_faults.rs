//! `exuvia stdio` when the client does something wrong, changes its mind, or leaves.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use exuvia_tests::{
    Client, DataHome, Folder, PATIENCE, WebServer, built, children, gone, here, modern_meta, tells_nothing_of_the_host,
};
use serde_json::{Value, json};

/// The text of an answer that must be an error for the model.
fn error_text(answer: &Value) -> &str {
    assert_eq!(answer["result"]["isError"], true, "{answer}");
    answer["result"]["content"][0]["text"].as_str().expect("a text")
}

#[test]
fn a_bad_request_is_answered_with_what_to_send() {
    let cases = [
        ("executeToolCode", json!({}), "code"),
        ("executeToolCode", json!({"code": 1}), "string"),
        ("executeToolCode", json!({"script": "1"}), "code"),
        ("readToolFile", json!({}), "fileName"),
        ("readToolFile", json!({"fileName": "ecko.pyi"}), "echo.pyi"),
        ("readToolFile", json!({"fileName": "echo.pyi", "startLine": "one"}), "startLine"),
        ("getToolDocs", json!({"server": "ecko", "tool": "sleep"}), "echo"),
        ("getToolDocs", json!({"server": "echo", "tool": "slep"}), "sleep"),
    ];
    for mut client in Client::both_eras() {
        for (tool, arguments, expected) in &cases {
            let answer = client.call(tool, arguments.clone());
            let text = error_text(&answer);
            assert!(text.contains(expected), "{tool} {arguments}: {text}");
            assert!(text.len() < 400, "{text}");
            tells_nothing_of_the_host(text).expect("no place of the host");
        }
        // The one that the protocol has an error for.
        let answer = client.call("executeCode", json!({"code": "1"}));
        assert_eq!(answer["error"]["code"], -32602, "{answer}");
        assert!(answer["error"]["message"].to_string().contains("did you mean executeToolCode?"), "{answer}");
        assert_eq!(client.execute("result = 1").0, "1");
    }
}

#[test]
fn a_cancelled_request_stops_its_script() {
    for mut client in Client::both_eras() {
        let code = "import asyncio\nwhile True:\n    await asyncio.gather(echo.sleep(ms=20), echo.sleep(ms=20))";
        let id = client.ask("tools/call", json!({"name": "executeToolCode", "arguments": {"code": code}}));
        std::thread::sleep(Duration::from_millis(800));
        client.send(&json!({
            "jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id, "reason": "enough"},
        }));
        std::thread::sleep(Duration::from_millis(300));
        let (idle, busy) = (cpu_ticks(client.id()), Duration::from_millis(1_000));
        assert!(!client.answers(id, busy), "a cancelled request is not answered");
        let spent = cpu_ticks(client.id()) - idle;
        assert!(spent < 20, "the script goes on: {spent} ticks of processor time in a second");
        assert_eq!(client.execute("result = echo.echo(value=1)").0, "{\"value\":1}");
    }
}

/// Processor time of a process, in hundredths of a second.
fn cpu_ticks(pid: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    let fields: Vec<_> = text.rsplit(')').next().expect("fields").split_whitespace().collect();
    fields[11].parse::<u64>().expect("a number") + fields[12].parse::<u64>().expect("a number")
}

#[test]
fn lines_that_are_no_messages_do_not_end_it() {
    for mut client in Client::both_eras() {
        assert_eq!(client.execute("result = 1").0, "1");
        let garbage =
            ["", "garbage", "{", "[]", "1", "null", "{\"jsonrpc\": \"2.0\"}", "{\"jsonrpc\": \"2.0\", \"id\": 99}"];
        for line in garbage {
            client.send_line(line);
        }
        client.send_line(&"x".repeat(100_000));
        assert_eq!(client.execute("result = 2").0, "2");
    }
}

#[test]
fn a_request_that_cannot_be_read_is_answered_and_so_is_each_of_a_batch() {
    for mut client in Client::both_eras() {
        assert_eq!(client.execute("result = 1").0, "1");
        client.send_line(r#"{"id": 90, "method": "tools/list", "params": {}}"#);
        client.send_line(
            r#"[{"jsonrpc": "2.0", "id": 91, "method": "ping"}, {"jsonrpc": "2.0", "id": 92, "method": "ping"}]"#,
        );
        let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
        client.send_line(&format!(r#"{{"jsonrpc": "2.0", "id": 93, "method": "ping", "params": {{"a": {deep}}}}}"#));
        // In any order.
        let mut refused: Vec<Value> = (0..4).map(|_| client.message()).collect();
        refused.sort_by_key(|answer| answer["id"].as_u64());
        for (id, answer) in (90..94).zip(refused) {
            assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(id), &json!(-32600)), "{answer}");
        }
        assert_eq!(client.execute("result = 2").0, "2");
    }
}

#[test]
fn an_unknown_method_is_an_error_of_its_request_alone() {
    for mut client in Client::both_eras() {
        assert_eq!(client.execute("result = 1").0, "1");
        let answer = client.request("tools/fly", json!({}));
        assert!(answer["error"]["code"].is_i64(), "{answer}");
        assert_eq!(client.execute("result = 2").0, "2");
    }
}

#[test]
fn a_script_that_is_stopped_is_followed_by_one_that_works() {
    for mut client in Client::both_eras() {
        let (text, is_error) = client.execute("x = []\nwhile True: x.append(' ' * 10_000_000)");
        assert!(is_error && text.starts_with("stopped by memory_bytes"), "{text}");
        assert_eq!(client.execute("result = 2").0, "2");
    }
}

#[test]
fn the_end_of_its_input_ends_it_and_its_servers() {
    for mut client in Client::both_eras() {
        assert_eq!(client.execute("result = echo.echo(value=1)").0, "{\"value\":1}");
        let servers = children(client.id());
        assert!(!servers.is_empty());
        assert_eq!(client.close(), Some(0));
        assert!(gone(&servers, Duration::from_secs(3)), "a server is left");
    }
}

#[test]
fn the_end_of_its_input_ends_it_in_the_middle_of_a_script() {
    for mut client in Client::both_eras() {
        let code = "while True:\n    echo.sleep(ms=20)";
        client.ask("tools/call", json!({"name": "executeToolCode", "arguments": {"code": code}}));
        std::thread::sleep(Duration::from_millis(800));
        let servers = children(client.id());
        assert!(!servers.is_empty());
        let _ = client.close();
        assert!(gone(&servers, Duration::from_secs(3)), "a server is left");
    }
}

/// A client without a progress token still gets its response.
#[test]
fn a_client_that_does_not_read_can_still_cancel_its_script() {
    let folder = tempfile::tempdir().expect("a folder");
    let record = folder.path().join("calls");
    let fake = format!("fake={} --record {}", exuvia_fake_upstream::program().display(), record.display());
    let mut command = Command::new(built("exuvia"));
    command.args(["stdio", "--auto-execute", "*.*", "--server", &fake]).env("XDG_CONFIG_HOME", here());
    let _data = DataHome::of(&mut command);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("exuvia starts");
    let mut input = child.stdin.take().expect("piped");
    let mut send = |message: Value| writeln!(input, "{message}").expect("exuvia reads");
    let run = |id: u64, code: &str| {
        let mut meta = modern_meta();
        meta["progressToken"] = json!(id);
        let params = json!({"name": "executeToolCode", "arguments": {"code": code}, "_meta": meta});
        json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params})
    };
    let calls = || fs::read(&record).map_or(0, |calls| calls.len());
    let goes_on = || {
        let before = calls();
        std::thread::sleep(Duration::from_secs(1));
        calls() > before
    };
    // More than the pipe takes.
    (1..=40).for_each(|id| send(run(id, "result = 'x' * 60_000")));
    send(run(41, "import time\nwhile True:\n    fake.echo(value=1)\n    time.sleep(0.02)"));
    let begun = Instant::now();
    while !goes_on() {
        assert!(begun.elapsed() < PATIENCE, "the script does not begin");
    }
    // By now its progress waits for the client.
    std::thread::sleep(Duration::from_secs(2));
    assert!((0..5).any(|_| goes_on()), "the script does not go on");
    send(json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {
        "requestId": 41, "_meta": modern_meta(),
    }}));
    let begun = Instant::now();
    while goes_on() {
        assert!(begun.elapsed() < PATIENCE, "the script goes on");
    }
    child.kill().expect("it runs");
    child.wait().expect("it ends");
}

/// The progress of a direct call waits for the client; its cancellation does not.
#[test]
fn a_client_that_does_not_read_can_still_cancel_its_direct_call() {
    let web = WebServer::start(&[]);
    let server = format!("[servers.web]\nurl = '{}'\nauto_execute = [\"*\"]\n", web.url());
    let (direct, scripts) = (Folder::new(&format!("{server}mode = \"direct\"\n")), Folder::new(&server));
    let mut watcher = Client::modern(&["--config", &scripts.text("exuvia.toml")]);
    let mut ended = || {
        let (seen, _) = watcher.execute("result = web.seen()");
        seen.contains("gone ") || seen.contains("cancelled ")
    };
    let mut command = Command::new(built("exuvia"));
    command.args(["stdio", "--config", &direct.text("exuvia.toml")]).env("XDG_CONFIG_HOME", here());
    let _data = DataHome::of(&mut command);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("exuvia starts");
    let mut input = child.stdin.take().expect("piped");
    let mut send = |message: Value| writeln!(input, "{message}").expect("exuvia reads");
    // More than the pipe takes, and no answer after it.
    let progress = json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": {
        "progressToken": "$TOKEN", "progress": 1, "message": "x".repeat(1_000),
    }});
    let line = progress.to_string().replace("\"$TOKEN\"", "$TOKEN");
    let mut meta = modern_meta();
    meta["progressToken"] = json!("mine");
    send(json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
        "name": "web__lines", "arguments": {"lines": vec![line; 400], "open": true}, "_meta": meta,
    }}));
    // By now its progress waits for the client.
    std::thread::sleep(Duration::from_secs(3));
    assert!(!ended(), "the call goes on");
    send(json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {
        "requestId": 1, "_meta": modern_meta(),
    }}));
    let begun = Instant::now();
    while !ended() {
        assert!(begun.elapsed() < PATIENCE, "the server still works for a call that was cancelled");
        std::thread::sleep(Duration::from_millis(100));
    }
    child.kill().expect("it runs");
    child.wait().expect("it ends");
}
