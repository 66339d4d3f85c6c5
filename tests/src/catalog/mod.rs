//! The recorded catalogs as servers: what they list, what they answer, and calls of all their tools.

mod fitting;
mod misfit;
mod python;

use std::fs;
use std::path::{Path, PathBuf};

use exuvia_config::ServerConfig;
use exuvia_tool::{Server, Tool};
use serde_json::{Map, Value, json};

pub use fitting::{Breadth, fitting, widest_choice};
pub use misfit::{Misfit, misfits};
pub use python::{Form, call};

use crate::{built, files};

/// What one server lists.
pub struct Catalog {
    /// The server's name.
    pub name: String,
    /// Where its list is.
    pub file: PathBuf,
    /// The list, as recorded.
    pub tools: Vec<Value>,
}

/// The recorded catalogs, in the order of their names.
///
/// # Panics
///
/// They cannot be read.
#[must_use]
pub fn catalogs() -> Vec<Catalog> {
    files("catalog", "json").iter().map(|file| Catalog::read(file)).collect()
}

impl Catalog {
    /// The list in `file`, under the file's name.
    ///
    /// # Panics
    ///
    /// It cannot be read.
    #[must_use]
    pub fn read(file: &Path) -> Self {
        let name = file.file_stem().and_then(|stem| stem.to_str()).expect("a name").to_owned();
        let tools = serde_json::from_str(&fs::read_to_string(file).expect("a file")).expect("a list of tools");
        Self { name, file: file.to_owned(), tools }
    }

    /// The schema of a tool's arguments.
    ///
    /// # Panics
    ///
    /// There is no such tool.
    #[must_use]
    pub fn input_schema(&self, tool: &Tool) -> &Value {
        &self.tool(tool)["inputSchema"]
    }

    /// What its tools answer: a value that fits the output schema where there is one, else a line of text.
    #[must_use]
    pub fn answers(&self) -> Map<String, Value> {
        let answer = |tool: &Value| match tool.get("outputSchema") {
            Some(schema) => {
                let value = Value::Object(fitting(schema, 0, Breadth::Most));
                json!({"content": [{"type": "text", "text": value.to_string()}], "structuredContent": value})
            }
            None => json!({"content": [{"type": "text", "text": format!("{} answers", text(&tool["name"]))}]}),
        };
        self.tools.iter().map(|tool| (text(&tool["name"]).to_owned(), answer(tool))).collect()
    }

    /// The value that a script sees when a tool answers so.
    ///
    /// # Panics
    ///
    /// There is no such tool.
    #[must_use]
    pub fn value(&self, tool: &Tool) -> Value {
        let recorded = self.tool(tool);
        let answer = self.answers().remove(tool.name()).expect("an answer of each tool");
        match (answer.get("structuredContent"), recorded.pointer("/outputSchema/x-fastmcp-wrap-result")) {
            (Some(boxed), Some(Value::Bool(true))) => boxed["result"].clone(),
            (Some(value), _) => value.clone(),
            (None, _) => answer["content"][0]["text"].clone(),
        }
    }

    fn tool(&self, tool: &Tool) -> &Value {
        self.tools.iter().find(|recorded| recorded["name"] == tool.name()).expect("a recorded tool")
    }

    /// The fake upstream with this list and these answers. It writes the calls that it gets to `NAME.calls` in `folder`.
    ///
    /// # Panics
    ///
    /// The folder cannot be written.
    #[must_use]
    pub fn served(&self, answers: &Map<String, Value>, folder: &Path) -> ServerConfig {
        let file = folder.join(format!("{}.answers", self.name));
        fs::write(&file, Value::from(answers.clone()).to_string()).expect("a folder");
        let calls = folder.join(format!("{}.calls", self.name));
        let options = [("--tools", self.file.as_path()), ("--answers", file.as_path()), ("--record", calls.as_path())];
        let arguments = options.iter().flat_map(|(option, file)| [(*option).to_owned(), file.display().to_string()]);
        let program = built("exuvia-fake-upstream").display().to_string();
        ServerConfig::stdio(&self.name, program, arguments, &|name| std::env::var(name).ok())
    }
}

/// The calls that a served catalog got, in order: the tool's own name, and the arguments as they stood in the line.
///
/// # Panics
///
/// What was recorded is no call.
#[must_use]
pub fn recorded(server: &Server, folder: &Path) -> Vec<(String, String)> {
    let lines = fs::read_to_string(folder.join(format!("{}.calls", server.name))).unwrap_or_default();
    lines.lines().map(call_in).collect()
}

fn call_in(line: &str) -> (String, String) {
    let message: Value = serde_json::from_str(line).expect("a message");
    let arguments = &message["params"]["arguments"];
    let written = arguments.to_string();
    // The text itself, not what it means: no white space, no other spelling of a number.
    assert!(line.contains(&format!("\"arguments\":{written}")), "{line}");
    (text(&message["params"]["name"]).to_owned(), written)
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}
