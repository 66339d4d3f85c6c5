//! What the tests read and how they show an analysis.
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "shared by several test binaries, each of which uses a part"
)]

pub mod mutations;
pub mod programs;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use exuvia_analysis::{Analysis, EvidenceKind};
use exuvia_tool::{Namespace, ToolAnnotations, ToolDescriptor};
use serde_json::{Map, Value, json};

/// A file among the data that all tests share.
pub fn data(name: &str) -> PathBuf {
    PathBuf::from("../../tests/data").join(name)
}

pub fn read(name: &str) -> String {
    fs::read_to_string(data(name)).unwrap()
}

fn descriptor(tool: &Value) -> ToolDescriptor {
    let text = |key: &str| tool.get(key).and_then(Value::as_str).map(str::to_owned);
    ToolDescriptor {
        name: text("name").unwrap(),
        title: None,
        description: text("description"),
        input_schema: tool.get("inputSchema").cloned().unwrap_or_default(),
        output_schema: tool.get("outputSchema").cloned(),
        annotations: ToolAnnotations::default(),
    }
}

/// The recorded catalogs of real servers.
pub fn catalogs() -> Namespace {
    let mut files: Vec<PathBuf> = fs::read_dir(data("catalog")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "json"));
    files.sort();
    let servers = files.iter().map(|path| {
        let tools: Vec<Value> = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, tools.iter().map(descriptor).collect())
    });
    exuvia_catalog::build(servers.collect())
}

/// The servers that the evasions assume, and what is said of them.
pub struct Evasions {
    pub namespace: Namespace,
    pub auto_execute: Vec<String>,
    /// Rows that cannot reach a tool outside `auto_execute`, with the reason.
    pub reach_nothing_else: BTreeMap<String, String>,
    pub rows: Vec<Row>,
}

pub struct Row {
    pub name: String,
    pub code: String,
    pub expected: String,
}

pub fn evasions() -> Evasions {
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
pub fn shown(analysis: &Analysis) -> String {
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

/// Holds `found` against a committed text; with `EXUVIA_TESTS=bless` the text is written anew.
pub fn assert_snapshot(name: &str, found: &str) {
    let path = PathBuf::from("tests/snapshots").join(name);
    if std::env::var("EXUVIA_TESTS").is_ok_and(|value| value == "bless") {
        fs::write(&path, found).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    let differing = found.lines().zip(expected.lines()).find(|(found, expected)| found != expected);
    assert!(found == expected, "{name} differs, first in {differing:?}; EXUVIA_TESTS=bless writes it anew");
}
