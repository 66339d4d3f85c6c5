//! Decisions on calls as tables: `tables/*.json`, each a policy with calls and what is decided of them.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use exuvia_policy::{DenialReason, Grants, Policy, PolicySource, Rates, Refusal, ServerRules, Spent};
use exuvia_tool::{Arguments, CallId, Namespace, Server, ToolAnnotations, ToolCall, ToolName};
use serde::Deserialize;

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
    /// The visible tools of a server, own names to Python names. Without any, each call is granted by name.
    #[serde(default)]
    tools: BTreeMap<String, BTreeMap<String, String>>,
    #[serde(default)]
    granted: Granted,
    calls: Vec<Row>,
}

fn listed((name, python_name): (&String, &String)) -> exuvia_tool::Tool {
    common::tool(name, python_name, ToolAnnotations::default())
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Granted {
    #[default]
    Named,
    Listed,
    Visible,
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
    is: String,
}

fn no_arguments() -> String {
    "{}".to_owned()
}

fn once() -> u32 {
    1
}

impl Table {
    fn policy(&self) -> Arc<Policy> {
        let rules = self.servers.iter().filter_map(|(name, rules)| Some((name.clone(), rules.clone()?)));
        let source = PolicySource {
            servers: rules.collect(),
            groups: self.groups.clone(),
            auto_execute: self.auto_execute.clone(),
            deny: self.deny.clone(),
        };
        Arc::new(Policy::compile(source, self.servers.keys().map(String::as_str)).unwrap())
    }

    fn grants(&self, policy: &Arc<Policy>, called: &ToolName) -> Grants {
        let servers =
            self.tools.iter().map(|(server, tools)| Server::new(server, server, tools.iter().map(listed).collect()));
        let namespace = Arc::new(Namespace::new(servers.collect()));
        match self.granted {
            Granted::Named => Grants::of([called.clone()]),
            Granted::Listed => Grants::listed(policy, &namespace),
            Granted::Visible => Grants::everything_visible(&namespace),
        }
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

#[test]
fn calls_are_decided_as_the_tables_say() {
    let mut wrong = Vec::new();
    let tables = fs::read_dir("tests/tables").unwrap().map(|entry| entry.unwrap().path());
    let mut rows = 0;
    for file in tables {
        let table: Table = serde_json::from_str(&fs::read_to_string(&file).unwrap())
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        // What lets everything through, and what lets nothing through, would pass one half of a table.
        let is_let_through = |row: &Row| row.is == "ok";
        let has_siblings = table.calls.iter().any(is_let_through) && !table.calls.iter().all(is_let_through);
        assert!(has_siblings, "{} needs a call that is let through and one that is not", file.display());
        let (policy, rates, mut runs) = (table.policy(), Mutex::new(Rates::default()), BTreeMap::new());
        for (number, row) in table.calls.iter().enumerate() {
            let (server, tool) = row.call.split_once('/').unwrap();
            let name = ToolName::new(server, tool);
            let grants = table.grants(&policy, &name);
            let spent = runs.entry(row.run).or_insert_with(|| Mutex::new(Spent::default()));
            for _ in 0..row.times {
                let arguments = Arguments::parse(row.arguments.as_str()).unwrap();
                let call = ToolCall { id: CallId(7), name: name.clone(), arguments };
                let now = Duration::from_secs_f64(row.second);
                let decided = match common::authorize(call, &grants, &policy, spent, &rates, now) {
                    Ok(permit) => {
                        assert_eq!((permit.call().id, &permit.call().name), (CallId(7), &name));
                        assert_eq!(permit.into_call().arguments.as_str(), row.sent.as_ref().unwrap_or(&row.arguments));
                        "ok".to_owned()
                    }
                    Err(refusal) => said(refusal),
                };
                rows += 1;
                if decided != row.is {
                    let (file, call, arguments) = (file.display(), &row.call, &row.arguments);
                    wrong.push(format!("{file} {number}: {call} {arguments}\n   is {decided}\n  not {}", row.is));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(rows > 100, "{rows}");
}
