//! The servers of a suite: what they list and what they answer.

use std::path::Path;

use exuvia_runtime::Engine;
use serde_json::{Map, Value, json};

use super::python;
use crate::{SuiteError, files};

const ANSWER: &str = include_str!("answer.py");

/// One server of a suite. Its tools are those of a recorded catalog, or those that its Python source lists; its answers are
/// functions of the arguments, written in Python, so that they have the size of real ones without being stored.
pub struct Fixture {
    engine: Engine,
    source: String,
    tools: Vec<Value>,
    place: std::path::PathBuf,
}

/// What a tool of a suite answers.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct FixtureAnswer {
    /// What a client reads.
    pub text: String,
    /// The same as a value, for tools with an output schema.
    pub structured: Option<Map<String, Value>>,
    /// Whether the tool failed.
    pub is_error: bool,
}

impl Fixture {
    /// Reads a server of this name, which its source has as `SERVER`: `answers` is its Python source, `catalog` its recorded list of tools if there is one.
    ///
    /// # Errors
    ///
    /// A file cannot be read, or lists no tools.
    pub async fn read(engine: &Engine, name: &str, answers: &Path, catalog: Option<&Path>) -> Result<Self, SuiteError> {
        let source = if answers.is_file() { files::text(answers)? } else { String::new() };
        let source = format!("SERVER = {}\n{source}\n{ANSWER}", Value::from(name));
        let tools = match catalog {
            Some(catalog) => {
                serde_json::from_str(&files::text(catalog)?).map_err(|error| SuiteError::new(catalog, error))?
            }
            None => {
                let listed = python::run(engine, &source, &json!({"tool": null})).await;
                let mut listed = listed.map_err(|error| SuiteError::new(answers, error))?;
                serde_json::from_value(listed["tools"].take())
                    .map_err(|error| SuiteError::new(answers, format!("tools(): {error}")))?
            }
        };
        Ok(Self { engine: engine.clone(), source, tools, place: answers.to_owned() })
    }

    /// What it lists, as `tools/list` has it.
    #[must_use]
    pub fn tools(&self) -> &[Value] {
        &self.tools
    }

    /// What this tool answers.
    ///
    /// # Errors
    ///
    /// Its source is not valid.
    pub async fn call(&self, tool: &str, arguments: &Map<String, Value>) -> Result<FixtureAnswer, SuiteError> {
        let request = json!({"tool": tool, "arguments": arguments});
        let answer = python::run(&self.engine, &self.source, &request).await;
        let mut answer = answer.map_err(|error| SuiteError::new(&self.place, error))?;
        if let Some(error) = answer.get("error").and_then(Value::as_str) {
            return Ok(FixtureAnswer { text: error.to_owned(), structured: None, is_error: true });
        }
        let text = answer["text"].as_str().unwrap_or_default().to_owned();
        let structured = self.has_schema(tool).then(|| boxed(answer["value"].take()));
        Ok(FixtureAnswer { text, structured, is_error: false })
    }

    fn has_schema(&self, tool: &str) -> bool {
        self.tools.iter().any(|listed| listed["name"] == tool && listed.get("outputSchema").is_some())
    }
}

/// A structured answer is an object: other values come boxed, as FastMCP has it.
fn boxed(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        other => Map::from_iter([("result".to_owned(), other)]),
    }
}
