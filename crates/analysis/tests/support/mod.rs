//! What the tests read and how they show an analysis.
#![allow(dead_code, reason = "shared by several test binaries, each of which uses a part")]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use exuvia_analysis::{Analysis, EvidenceKind};
use exuvia_test_support::{Catalog, data, descriptor};
use exuvia_tool::Namespace;
use serde_json::{Map, Value, json};

pub(crate) fn read(name: &str) -> String {
    fs::read_to_string(data(name)).unwrap()
}

/// The recorded catalogs of real servers.
pub(crate) fn catalogs() -> Namespace {
    exuvia_catalog::build(exuvia_test_support::catalogs().iter().map(Catalog::server).collect())
}

/// The servers that the evasions assume, and what is said of them.
pub(crate) struct Evasions {
    pub(crate) namespace: Namespace,
    pub(crate) auto_execute: Vec<String>,
    /// Rows that cannot reach a tool outside `auto_execute`, with the reason.
    pub(crate) reach_nothing_else: BTreeMap<String, String>,
    pub(crate) rows: Vec<Row>,
}

pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) code: String,
    pub(crate) expected: String,
}

pub(crate) fn evasions() -> Evasions {
    let setting: Value = serde_json::from_str(&read("evasions.servers.json")).unwrap();
    let tool = |(name, parameters): (&String, &Value)| {
        let parameters = parameters.as_object().unwrap();
        let properties: Map<String, Value> =
            parameters.iter().map(|(name, kind)| (name.clone(), json!({"type": kind}))).collect();
        let required: Vec<&String> = parameters.keys().collect();
        descriptor(&json!({"name": name, "inputSchema": {"properties": properties, "required": required}}))
    };
    let servers = setting["servers"].as_object().unwrap().iter();
    let servers = servers.map(|(name, tools)| (name.clone(), tools.as_object().unwrap().iter().map(tool).collect()));
    let row = |line: &str| {
        let row: Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| row[key].as_str().unwrap().to_owned();
        Row { name: text("name"), code: text("code"), expected: text("expected") }
    };
    Evasions {
        namespace: exuvia_catalog::build(servers.collect()),
        auto_execute: serde_json::from_value(setting["auto_execute"].clone()).unwrap(),
        reach_nothing_else: serde_json::from_value(setting["reach_nothing_else"].clone()).unwrap(),
        rows: read("evasions.jsonl").lines().map(row).collect(),
    }
}

/// One line: `precise youtube.search:called@1`, or the reasons in the place of `precise`.
pub(crate) fn shown(analysis: &Analysis) -> String {
    let mut line = String::new();
    let reasons: Vec<String> = analysis
        .precision
        .reasons()
        .iter()
        .map(|reason| format!("{}@{}", serde_json::to_value(reason.kind).unwrap().as_str().unwrap(), reason.line))
        .collect();
    line.push_str(if reasons.is_empty() { "precise" } else { "imprecise" });
    if !reasons.is_empty() {
        write!(line, " ({})", reasons.join(" ")).unwrap();
    }
    for (tool, evidence) in analysis.may_call.iter() {
        let strongest = evidence[0];
        let kind = match evidence.iter().map(|one| one.kind).min().unwrap() {
            EvidenceKind::Called => "called",
            EvidenceKind::Mentioned => "mentioned",
            EvidenceKind::ServerEscapes => "escapes",
            EvidenceKind::Reflection => "reflection",
        };
        write!(line, " {tool}:{kind}@{}", strongest.line).unwrap();
    }
    line
}
