//! Decisions as tables: `tables/*.json`, each a policy with scripts and calls, and what is decided of them.
//!
//! `EXUVIA_TESTS=bless` writes the decisions anew, one row a line. For each call that is let through there is one to the same
//! server that is not: what lets everything through would pass the other half of a table.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use exuvia_policy::{
    Admission, DenialReason, Grants, Policy, PolicySource, RateWindows, ReferencedTools, Refusal, RunCallCounts,
    ServerRules, admit,
};
use exuvia_test_support::{any_tool, compared, descriptor};
use exuvia_tool::{Arguments, CallId, Namespace, Server, ToolCall, ToolName};
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    /// What it shows.
    #[serde(rename = "about")]
    _about: String,
    /// All configured servers. Those without rules have no table of their own.
    servers: BTreeMap<String, Option<ServerRules>>,
    #[serde(default)]
    groups: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    auto_execute: Vec<String>,
    #[serde(default)]
    deny: Vec<String>,
    /// The visible tools of a server, own names to Python names. All of them say that they only read. Without any, each call
    /// is granted by name.
    #[serde(default)]
    tools: BTreeMap<String, BTreeMap<String, String>>,
    #[serde(default)]
    granted: Granted,
    #[serde(default)]
    scripts: Vec<Script>,
    calls: Vec<Row>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Granted {
    #[default]
    Named,
    Listed,
    Reads,
    Visible,
}

/// A client's script, by the tools that it names.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Script {
    script: Vec<String>,
    #[serde(rename = "is", default)]
    _is: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    /// `SERVER/TOOL`.
    call: String,
    #[serde(default = "no_arguments")]
    arguments: String,
    #[serde(default)]
    run: u32,
    #[serde(default)]
    second: f64,
    /// How often the call is made.
    #[serde(default = "once")]
    times: u32,
    /// The arguments that are permitted, if they are others.
    sent: Option<String>,
    #[serde(default)]
    is: String,
}

fn no_arguments() -> String {
    "{}".to_owned()
}

fn once() -> u32 {
    1
}

fn named(call: &str) -> ToolName {
    let (server, tool) = call.split_once('/').unwrap();
    ToolName::new(server, tool)
}

impl Table {
    fn policy(&self) -> Arc<Policy> {
        let rules = self.servers.iter().filter_map(|(name, rules)| Some((name.clone(), rules.clone()?)));
        let source = PolicySource {
            servers: rules.collect(),
            groups: self.groups.clone(),
            auto_execute: self.auto_execute.clone(),
            deny: self.deny.clone(),
            ..PolicySource::default()
        };
        Arc::new(Policy::compile(source, self.servers.keys().map(String::as_str)).unwrap())
    }

    fn namespace(&self) -> Arc<Namespace> {
        let only_reads = json!({"readOnlyHint": true, "destructiveHint": false});
        let tool = |(name, python_name): (&String, &String)| {
            any_tool(descriptor(&json!({"name": name, "annotations": only_reads})), python_name)
        };
        let servers = self.tools.iter();
        let servers = servers.map(|(server, tools)| Server::new(server, server, tools.iter().map(tool).collect()));
        Arc::new(Namespace::new(servers.collect()))
    }

    /// What is decided of each script.
    fn scripts(&self, policy: &Arc<Policy>) -> Vec<String> {
        let namespace = self.namespace();
        let decided = |script: &Script| {
            let names = script.script.iter().map(|name| named(name)).collect();
            match admit(policy, &namespace, &ReferencedTools { names }) {
                Admission::Start(grants) => {
                    let tools = self
                        .tools
                        .iter()
                        .flat_map(|(server, tools)| tools.keys().map(move |tool| named(&format!("{server}/{tool}"))));
                    let covered = tools.filter(|tool| grants.cover(tool)).map(|tool| format!(" {tool}"));
                    format!("starts with{}", covered.collect::<String>())
                }
                Admission::Hold(held) => {
                    let lines: Vec<_> = held.iter().map(|held| format!("{}: {}", held.name, held.allow)).collect();
                    format!("held: {}", lines.join("; "))
                }
                Admission::Refuse(denials) => {
                    let told: Vec<_> =
                        denials.iter().map(|denial| format!("{} {:?}", denial.tool, denial.reason)).collect();
                    format!("denied: {}", told.join("; "))
                }
            }
        };
        self.scripts.iter().map(decided).collect()
    }

    /// What is decided of each call. Those of one row come to the same.
    fn calls(&self, policy: &Arc<Policy>) -> Vec<String> {
        let (namespace, rates, mut runs) = (self.namespace(), Mutex::new(RateWindows::default()), BTreeMap::new());
        let mut all = Vec::new();
        for row in &self.calls {
            let name = named(&row.call);
            let grants = match self.granted {
                Granted::Named => Grants::of([name.clone()]),
                Granted::Listed => Grants::listed(policy, &namespace),
                Granted::Reads => Grants::listed_reads(policy),
                Granted::Visible => Grants::everything_visible(&namespace),
            };
            let spent = runs.entry(row.run).or_insert_with(|| Mutex::new(RunCallCounts::default()));
            let decided: BTreeSet<String> = (0..row.times)
                .map(|_| {
                    let arguments = Arguments::parse(row.arguments.as_str()).unwrap();
                    let call = ToolCall { id: CallId(7), name: name.clone(), arguments, line: None };
                    match common::authorize(call, &grants, policy, spent, &rates, Duration::from_secs_f64(row.second)) {
                        Ok(permit) => {
                            assert_eq!((permit.call().id, &permit.call().name), (CallId(7), &name));
                            let sent = row.sent.as_ref().unwrap_or(&row.arguments);
                            assert_eq!(permit.into_call().arguments.as_str(), sent);
                            "ok".to_owned()
                        }
                        Err(refusal) => said(refusal),
                    }
                })
                .collect();
            all.push(decided.into_iter().collect::<Vec<_>>().join(", then "));
        }
        all
    }

    /// Calls that are let through without another to the same server that is not.
    fn without_siblings(&self) -> Vec<&str> {
        let server = |row: &Row| named(&row.call).server;
        let refused: BTreeSet<String> = self.calls.iter().filter(|row| row.is != "ok").map(server).collect();
        let lone = self.calls.iter().filter(|row| row.is == "ok" && !refused.contains(&server(row)));
        lone.map(|row| row.call.as_str()).collect()
    }
}

fn said(refusal: Refusal) -> String {
    match refusal {
        Refusal::Held(held) => format!("held: {}", held.allow),
        Refusal::Denied(denial) => match denial.reason {
            DenialReason::Denied(rule) => format!("denied by {rule}"),
            DenialReason::Argument { name, must } => format!("{name} {must}"),
            DenialReason::CallsPerMinute { wait, .. } => format!("too often: wait {} s", wait.as_secs_f64()),
            reason => format!("{reason:?}"),
        },
    }
}

/// The text of a table with these decisions in its rows.
fn with_decisions(text: &str, scripts: Vec<String>, calls: Vec<String>) -> String {
    let (mut scripts, mut calls) = (scripts.into_iter(), calls.into_iter());
    let mut lines = String::new();
    for line in text.lines() {
        let decided = match line.trim_start() {
            row if row.starts_with("{\"script\"") => scripts.next(),
            row if row.starts_with("{\"call\"") => calls.next(),
            _ => None,
        };
        match decided {
            Some(decided) => {
                let comma = if line.ends_with(',') { "," } else { "" };
                let row = line.trim_end_matches(',').trim_end_matches('}');
                let row = row.rfind(", \"is\": ").map_or(row, |end| &row[..end]);
                lines += &format!("{row}, \"is\": {}}}{comma}\n", json!(decided));
            }
            None => lines += &format!("{line}\n"),
        }
    }
    assert_eq!((scripts.next(), calls.next()), (None, None), "each row is one line");
    lines
}

#[test]
fn scripts_and_calls_are_decided_as_the_tables_say() {
    let (mut wrong, mut rows) = (Vec::new(), 0);
    for entry in fs::read_dir("tests/tables").unwrap() {
        let file = entry.unwrap().path();
        let text = fs::read_to_string(&file).unwrap();
        let table: Table = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let policy = table.policy();
        let (scripts, calls) = (table.scripts(&policy), table.calls(&policy));
        rows += scripts.len() + calls.len();
        wrong.extend(compared(&file, &with_decisions(&text, scripts, calls)).err());
        let lone = table.without_siblings();
        if !lone.is_empty() {
            wrong.push(format!("{}: no call to the same server is refused beside {lone:?}", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(rows > 150, "{rows}");
}
