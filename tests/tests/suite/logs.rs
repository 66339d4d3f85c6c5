//! What the daemon says of itself, and in which form.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use exuvia_tests::{DataHome, HttpClient, Program, built, exuvia, here, is_ulid, modern_meta, sample};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

const CODE: &str = "echo.echo(value='s3cret')\ntry:\n    echo.fail()\nexcept ToolError:\n    pass\necho.sleep(ms=1)";

/// Serves one script, which is denied its last call. What came on standard error.
fn served(variables: &[(&str, &str)], flags: &[&str]) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("exuvia.toml");
    let text = "[listen]\nmcp = '127.0.0.1:0'\n[servers.echo]\nauto_execute = ['*']\ndeny = ['sleep']\n";
    let echo = sample("echo", "echo");
    let (_, command) = echo.split_once('=').expect("NAME=COMMAND");
    let mut words = command.split(' ').map(|word| format!("'{word}'"));
    let program = words.next().expect("a program");
    let args = words.collect::<Vec<_>>().join(", ");
    fs::write(&file, format!("{text}command = {program}\nargs = [{args}]\n")).expect("a file");
    let file = file.to_str().expect("UTF-8");
    let mut program = Program::start(&[&["serve", "--config", file], flags].concat(), variables);
    let mut told = program.wait_for_stderr("/readyz");
    let (_, rest) = told.split_once("MCP at http://").expect(&told);
    let address = rest.split_once("/mcp").expect(&told).0.parse().expect("an address");
    let answer = tokio::runtime::Runtime::new().expect("a runtime").block_on(async {
        let mut client = HttpClient::connect(address).await;
        let params = json!({"name": "executeToolCode", "arguments": {"code": CODE}, "_meta": modern_meta()});
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
        let headers =
            [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call"), ("mcp-name", "executeToolCode")];
        client.post(&headers, &message).await.message()
    });
    assert!(answer.to_string().contains("sleep"), "{answer}");
    program.signal(Signal::SIGTERM);
    let ended = program.end();
    assert_eq!(ended.status, Some(0), "{ended:?}");
    told.push_str(&ended.stderr);
    told
}

#[test]
fn a_daemon_logs_the_outcomes_of_runs_and_none_of_their_values() {
    let told = served(&[], &[]);
    let parts = [
        "client.name=\"tests 1\"",
        "run.id=",
        "run ended outcome=\"denied\"",
        "error.line=6",
        "call denied",
        "server is ready",
    ];
    for part in parts {
        assert!(told.contains(part), "{part} is not in\n{told}");
    }
    let run = told.split_once("run.id=").and_then(|(_, rest)| rest.split(|c: char| !c.is_ascii_alphanumeric()).next());
    assert!(run.is_some_and(is_ulid), "{told}");
    // One form: a time and a level.
    for line in told.lines() {
        let mut words = line.split_whitespace();
        let (time, level) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        assert!(time.starts_with("20") && time.ends_with('Z'), "{line}\n{told}");
        assert!(["INFO", "WARN"].contains(&level), "{line}\n{told}");
    }
    assert!(!told.contains("s3cret") && !told.contains('\u{1b}') && !told.contains("DEBUG"), "{told}");
}

#[test]
fn each_line_is_a_json_object_where_that_is_asked_for() {
    for (variables, flags) in
        [(&[][..], &["--log-format", "json"][..]), (&[("EXUVIA_LOG_FORMAT", "json")][..], &[][..])]
    {
        let told = served(variables, flags);
        let entries: Vec<Value> =
            told.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}\n{told}"))).collect();
        let of = |message: &str| {
            entries.iter().find(|entry| entry["message"] == message).unwrap_or_else(|| panic!("{told}"))
        };
        let (ended, denied) = (of("run ended"), of("call denied"));
        assert_eq!((&ended["level"], &ended["outcome"]), (&json!("INFO"), &json!("denied")));
        assert_eq!(denied["tool.name"], "echo.sleep");
        assert!(ended["spans"][1]["run.id"].as_str().is_some_and(is_ulid), "{ended}");
        assert_eq!(ended["spans"][0]["client.name"], "tests 1");
        assert!(entries.iter().any(|entry| entry["message"].as_str().is_some_and(|text| text.starts_with("MCP at "))));
        assert!(!told.contains("s3cret"), "{told}");
    }
}

#[test]
fn what_a_service_says_in_several_lines_is_one_entry_with_a_time_and_a_level() {
    let mut program =
        Program::start(&["serve", "--listen", "127.0.0.1:0", "--server", "x=sh -c 'echo 2026 ERROR forged >&2'"], &[]);
    let told = program.wait_for_stderr("forged");
    let lines: Vec<&str> = told.lines().collect();
    let at = lines.iter().position(|line| line.contains("x did not start")).expect(&told);
    assert!(lines[at].contains(" WARN x did not start"), "{told}");
    assert!(lines[at + 1..].iter().all(|line| line.starts_with("    ")), "{told}");
}

#[test]
fn the_most_that_is_asked_for_holds_no_arguments_of_calls() {
    let told = served(&[("EXUVIA_LOG", "trace")], &[]);
    assert!(told.contains("run ended"), "{told}");
    assert!(!told.contains("s3cret"), "{}", told.lines().find(|line| line.contains("s3cret")).unwrap_or_default());
}

#[test]
fn a_log_that_cannot_be_written_as_asked_is_an_error_of_usage() {
    for (name, value) in [("EXUVIA_LOG_FORMAT", "xml"), ("EXUVIA_LOG", "exuvia=loudly")] {
        let mut program = Program::start(&["config", "schema"], &[(name, value)]);
        program.write("");
        let ended = program.end();
        assert_eq!(ended.status, Some(2), "{ended:?}");
        assert!(ended.stderr.starts_with(&format!("exuvia: {name}: ")), "{ended:?}");
    }
    let ended = exuvia(&["config", "schema", "--log-format", "xml"], "");
    assert_eq!(ended.status, Some(2), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_whose_standard_error_nobody_reads_goes_on() {
    let fake = exuvia_fake_upstream::program();
    // Far more than a pipe and what may wait for it take.
    let flood = format!("flood=sh -c \"yes 'a line of a server' | head -n 60000 >&2; exec {}\"", fake.display());
    let mut command = Command::new(built("exuvia"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--auto-execute", "*.*", "--server", &flood]);
    command.env("XDG_CONFIG_HOME", here()).env("EXUVIA_LOG", "debug").stderr(Stdio::piped());
    let _data = DataHome::of(&mut command);
    let mut child = command.spawn().expect("exuvia starts");
    let mut stderr = BufReader::new(child.stderr.take().expect("piped"));
    let mut line = String::new();
    while !line.contains("MCP at http://") {
        line.clear();
        assert_ne!(stderr.read_line(&mut line).expect("a line"), 0);
    }
    let (_, rest) = line.split_once("http://").expect("an address");
    let address = rest.split_once("/mcp").expect("an address").0.parse().expect("an address");
    // From here on nobody reads.
    let answered = async {
        let mut client = HttpClient::connect(address).await;
        for _ in 0..20 {
            assert_eq!(client.execute("result = flood.echo(value=7)").await, r#"{"value":7}"#);
        }
        assert_eq!(client.send("GET", "/healthz", &[], "").await.status, 200);
    };
    tokio::time::timeout(Duration::from_secs(60), answered).await.expect("it goes on");
    // A reader that returns is told how many lines are missing.
    let told = tokio::task::spawn_blocking(move || {
        stderr.lines().map_while(Result::ok).find(|line| line.contains("log lines dropped"))
    });
    let told = tokio::time::timeout(Duration::from_secs(60), told).await;
    // Its log is read to its end.
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    let told = told.expect("in time").expect("no panic");
    assert!(told.is_some_and(|line| line.contains("WARN") && line.contains("lines=")));
}
