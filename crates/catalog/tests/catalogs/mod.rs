//! The recorded catalogs of `tests/data/catalog`, as the gateway would hand them over.
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "shared by several test binaries, each of which uses a part"
)]

use exuvia_catalog::{docs, stub};
use exuvia_tool::{Namespace, ToolAnnotations, ToolDescriptor};
use serde_json::Value;

pub struct Catalog {
    pub name: String,
    /// The `tools/list` answer, as it is.
    pub raw: String,
}

/// All of them, by name.
pub fn all() -> Vec<Catalog> {
    let directory = "../../tests/data/catalog";
    let files = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|end| end == "json")).collect();
    files.sort();
    let read = |path: &std::path::PathBuf| Catalog {
        name: path.file_stem().unwrap().to_str().unwrap().to_owned(),
        raw: std::fs::read_to_string(path).unwrap(),
    };
    files.iter().map(read).collect()
}

pub fn one(name: &str) -> Catalog {
    all().into_iter().find(|catalog| catalog.name == name).unwrap()
}

impl Catalog {
    pub fn tools(&self) -> Vec<ToolDescriptor> {
        let tools: Vec<Value> = serde_json::from_str(&self.raw).unwrap();
        tools.iter().map(descriptor).collect()
    }

    pub fn namespace(&self) -> Namespace {
        exuvia_catalog::build(vec![(self.name.clone(), self.tools())])
    }
}

pub fn descriptor(tool: &Value) -> ToolDescriptor {
    let text = |key: &str| tool.get(key).and_then(Value::as_str).map(str::to_owned);
    let hint = |key: &str| tool.pointer(&format!("/annotations/{key}")).and_then(Value::as_bool);
    ToolDescriptor {
        name: text("name").unwrap(),
        title: text("title"),
        description: text("description"),
        input_schema: tool.get("inputSchema").cloned().unwrap_or_default(),
        output_schema: tool.get("outputSchema").cloned(),
        annotations: ToolAnnotations { read_only: hint("readOnlyHint"), destructive: hint("destructiveHint") },
    }
}

/// What reading each catalog costs in o200k tokens: raw, as a stub, and as the documentation of every tool.
pub fn cost_table() -> String {
    let tokens = tiktoken_rs::o200k_base().unwrap();
    let count = |text: &str| tokens.encode_ordinary(text).len();
    let mut table =
        "| server | tools | raw list | stub | stub / raw | all docs |\n|---|---|---|---|---|---|\n".to_owned();
    let mut sums = [0_usize; 4];
    for catalog in all() {
        let namespace = catalog.namespace();
        let server = &namespace.servers()[0];
        let docs = server.tools().iter().map(|tool| count(&docs::tool_docs(server, tool))).sum();
        let row = [server.tools().len(), count(&catalog.raw), count(&stub::server_stub(server)), docs];
        sums.iter_mut().zip(row).for_each(|(sum, n)| *sum += n);
        table.push_str(&cost_row(&catalog.name, row));
    }
    table + &cost_row("sum", sums)
}

fn cost_row(name: &str, [tools, raw, stub, docs]: [usize; 4]) -> String {
    let share = 100.0 * stub as f64 / raw as f64;
    format!("| {name} | {tools} | {raw} | {stub} | {share:.1} % | {docs} |\n")
}
