//! The recorded catalogs of real servers: `tests/data/catalog`.

use std::fs;

use exuvia_tool::{ToolAnnotations, ToolDescriptor};
use serde_json::Value;

use crate::files;

/// What one server lists.
#[derive(Debug, Clone)]
pub struct Catalog {
    /// The server's name.
    pub name: String,
    /// The tools of its `tools/list`, as they were recorded.
    pub raw: String,
}

/// All of them, by name.
///
/// # Panics
///
/// They cannot be read.
#[must_use]
pub fn catalogs() -> Vec<Catalog> {
    let read = |file: &std::path::PathBuf| Catalog {
        name: file.file_stem().and_then(|name| name.to_str()).expect("a name").to_owned(),
        raw: fs::read_to_string(file).expect("a catalog"),
    };
    files("catalog", "json").iter().map(read).collect()
}

impl Catalog {
    /// The catalog of this server.
    ///
    /// # Panics
    ///
    /// None was recorded.
    #[must_use]
    pub fn of(name: &str) -> Self {
        catalogs().into_iter().find(|catalog| catalog.name == name).unwrap_or_else(|| panic!("no catalog {name}"))
    }

    /// Its tools.
    ///
    /// # Panics
    ///
    /// It is no list of tools.
    #[must_use]
    pub fn tools(&self) -> Vec<ToolDescriptor> {
        let tools: Vec<Value> = serde_json::from_str(&self.raw).expect("a list of tools");
        tools.iter().map(descriptor).collect()
    }

    /// Its name and its tools, as a namespace is built from them.
    #[must_use]
    pub fn server(&self) -> (String, Vec<ToolDescriptor>) {
        (self.name.clone(), self.tools())
    }
}

/// A tool as `tools/list` has it. Without `inputSchema` it has none.
///
/// # Panics
///
/// It has no name.
#[must_use]
pub fn descriptor(tool: &Value) -> ToolDescriptor {
    let text = |key: &str| tool.get(key).and_then(Value::as_str).map(str::to_owned);
    let hint = |key: &str| tool.pointer(&format!("/annotations/{key}")).and_then(Value::as_bool);
    ToolDescriptor {
        name: text("name").expect("a name"),
        title: text("title"),
        description: text("description"),
        input_schema: tool.get("inputSchema").cloned().unwrap_or_default(),
        output_schema: tool.get("outputSchema").cloned(),
        annotations: ToolAnnotations {
            read_only: hint("readOnlyHint"),
            destructive: hint("destructiveHint"),
            idempotent: hint("idempotentHint"),
            open_world: hint("openWorldHint"),
        },
    }
}
