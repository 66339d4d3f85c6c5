//! Scripts that try to call what they may not: with the pre-pass and without it, whatever the policy does about unlisted
//! tools, nothing but what is listed reaches a server.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use exuvia_config::ServerConfig;
use exuvia_gateway::{PrePass, StartedBy};
use exuvia_policy::{Condition, OnUnlisted, Policy, PolicySource, ServerRules};
use exuvia_runtime::{Limits, Outcome};
use exuvia_tests::catalog::catalogs;
use exuvia_tests::{SampleGateway, Settings, data, fake, files};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

#[derive(Deserialize)]
struct Row {
    name: String,
    code: String,
    expected: String,
}

/// The servers that the corpus is written against: tools with the types of their parameters.
#[derive(Deserialize)]
struct Setting {
    servers: BTreeMap<String, BTreeMap<String, BTreeMap<String, String>>>,
    auto_execute: Vec<String>,
}

fn rows() -> Vec<Row> {
    let text = fs::read_to_string(data("evasions.jsonl")).expect("the corpus");
    text.lines().map(|line| serde_json::from_str(line).expect("a row")).collect()
}

fn setting() -> Setting {
    let text = fs::read_to_string(data("evasions.servers.json")).expect("the setting");
    serde_json::from_str(&text).expect("a setting")
}

fn tool((name, parameters): (&String, &BTreeMap<String, String>)) -> Value {
    let properties: Map<String, Value> =
        parameters.iter().map(|(name, kind)| (name.clone(), json!({"type": kind}))).collect();
    let required: Vec<&String> = parameters.keys().collect();
    let schema =
        json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false});
    json!({"name": name, "inputSchema": schema})
}

fn servers(dir: &Path) -> Vec<ServerConfig> {
    let structured = |value: Value| json!({"content": [], "structuredContent": value});
    let answers = json!({
        "search": structured(json!([{"id": "1", "title": "wasm"}])), "get_video": structured(json!({"id": "1"})),
        "delete_video": structured(json!(true)), "read_file": structured(json!("text")),
        "write_file": structured(json!(true)),
    });
    let write = |name: &str, value: &Value| {
        let file = dir.join(name);
        fs::write(&file, value.to_string()).expect("the folder of a test");
        file.display().to_string()
    };
    let answers = write("answers.json", &answers);
    let server = |(name, tools): (&String, &BTreeMap<_, _>)| {
        let tools = write(&format!("{name}.json"), &tools.iter().map(tool).collect());
        let record = dir.join("record").display().to_string();
        fake(name, &["--tools", &tools, "--answers", &answers, "--record", &record])
    };
    setting().servers.iter().map(server).collect()
}

/// The allowlist of the corpus; files are read below the folder of the server only.
fn policy(on_unlisted: OnUnlisted) -> Policy {
    let Setting { servers, auto_execute } = setting();
    let below = Condition { under: Some(".".into()), ..Condition::default() };
    let rules = |server: &String| {
        let constraints = [("read_file".to_owned(), [("path".to_owned(), below.clone())].into())].into();
        (server.clone(), ServerRules { on_unlisted, constraints, ..ServerRules::default() })
    };
    let source = PolicySource { servers: servers.keys().map(rules).collect(), auto_execute, ..PolicySource::default() };
    Policy::compile(source, servers.keys().map(String::as_str)).expect("a policy")
}

/// What reached the servers since the record was last taken, as `tool path`.
fn received(dir: &Path) -> Vec<String> {
    let text = fs::read_to_string(dir.join("record")).unwrap_or_default();
    fs::write(dir.join("record"), "").expect("the folder of a test");
    let call = |line: &str| {
        let message: Value = serde_json::from_str(line).expect("a message");
        let text = |pointer: &str| message.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        format!("{} {}", text("/params/name"), text("/params/arguments/path"))
    };
    text.lines().map(call).collect()
}

fn is_allowed(call: &str) -> bool {
    match call.split_once(' ') {
        Some(("search" | "get_video", _)) => true,
        Some(("read_file", path)) => !path.starts_with('/') && !path.contains(".."),
        _ => false,
    }
}

/// The scripts that stand for what language models write, each with the tools that its first line names.
fn ordinary_scripts() -> Vec<(String, Vec<String>, String)> {
    let script = |file: &std::path::PathBuf| {
        let source = fs::read_to_string(file).expect("a script");
        let tools = source.lines().next().and_then(|line| line.strip_prefix("# tools:")).expect("its tools");
        let tools = tools.split(',').map(|tool| tool.trim().to_owned()).collect();
        (file.display().to_string(), tools, source)
    };
    files("scripts", "py").iter().map(script).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ordinary_script_runs_with_just_the_tools_that_it_names_and_is_never_asked_about() {
    let dir = TempDir::new().expect("a folder");
    let catalogs = catalogs();
    let servers = catalogs.iter().map(|catalog| catalog.served(&catalog.answers(), dir.path())).collect();
    let gateway = SampleGateway::of(servers, Limits::default()).await;
    let (scripts, mut wrong, mut calls) = (ordinary_scripts(), Vec::new(), 0);
    for (name, auto_execute, source) in &scripts {
        let source_of = |on_unlisted| PolicySource {
            servers: catalogs
                .iter()
                .map(|catalog| (catalog.name.clone(), ServerRules { on_unlisted, ..ServerRules::default() }))
                .collect(),
            auto_execute: auto_execute.clone(),
            ..PolicySource::default()
        };
        for on_unlisted in [OnUnlisted::AskBefore, OnUnlisted::AskAtCall, OnUnlisted::Deny] {
            let names = catalogs.iter().map(|catalog| catalog.name.as_str());
            gateway.gateway().set_policy(Policy::compile(source_of(on_unlisted), names).expect("a policy"));
            let report = gateway.run_by(StartedBy::Client, source).await;
            calls += report.calls.iter().filter(|call| call.outcome == "ok").count();
            // What the servers answer here is made up from their schemas: a script may well raise over it.
            let is_checked = matches!(&report.outcome, Outcome::Raised(error) if error.kind == "ScriptRejected");
            if is_checked || matches!(report.outcome, Outcome::AwaitingApproval(_) | Outcome::Denied(_)) {
                wrong.push(format!("{name}, {on_unlisted}: {:?}", report.outcome));
            }
        }
    }
    gateway.stop().await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(scripts.len() >= 40 && calls > scripts.len() * 3, "{calls} calls of {} scripts", scripts.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_forbidden_reaches_a_server_and_what_is_allowed_runs_by_itself() {
    let (mut wrong, mut runs, mut calls) = (Vec::new(), 0, 0);
    for pre_pass in [PrePass::On, PrePass::Off] {
        let dir = TempDir::new().expect("a folder");
        let limits = Limits { wall_ms: 20_000, ..Limits::default() };
        let gateway =
            SampleGateway::with(servers(dir.path()), limits, Settings { pre_pass, ..Settings::default() }).await;
        for on_unlisted in [OnUnlisted::AskBefore, OnUnlisted::AskAtCall, OnUnlisted::Deny] {
            gateway.gateway().set_policy(policy(on_unlisted));
            for row in rows() {
                let report = gateway.run_by(StartedBy::Client, &row.code).await;
                let received = received(dir.path());
                let forbidden: Vec<_> = received.iter().filter(|call| !is_allowed(call)).collect();
                let ended_well = matches!(report.outcome, Outcome::Returned(_));
                if !forbidden.is_empty() || (row.expected == "allowed" && !ended_well) {
                    let told = format!("{}, {on_unlisted}, {pre_pass:?}", row.name);
                    wrong.push(format!("{told}: {forbidden:?} {:?}", report.outcome));
                }
                runs += 1;
                calls += received.len();
            }
        }
        gateway.stop().await;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(runs, rows().len() * 6);
    let allowed = rows().iter().filter(|row| row.expected == "allowed").count();
    assert!(allowed >= 15 && calls >= allowed * 6, "{calls} calls of {allowed} scripts that may call");
}
