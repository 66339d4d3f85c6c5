//! What a script needs to know before it can be written.

use exuvia_runtime::Engine;
use serde::Deserialize;
use serde_json::{Value, json};

use super::python;

const NEEDS: &str = include_str!("needs.py");

/// What a script uses that only a conversation can have shown.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Needs {
    /// The tools that it calls.
    pub(super) tools: Vec<ToolNeed>,
    /// The keys by which it reaches parts of answers.
    pub(super) keys: Vec<String>,
    /// The words that it passes to tools.
    pub(super) values: Vec<String>,
    /// The words by which it takes texts apart: those of regular expressions that stand for themselves.
    #[serde(default)]
    pub(super) texts: Vec<String>,
    /// The script that looks at the answer in which missing keys are.
    look: Option<String>,
}

/// A tool and the keywords with which it is called.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct ToolNeed {
    pub(super) server: String,
    pub(super) tool: String,
    pub(super) keywords: Vec<String>,
}

/// What `script` needs, by a parser that knows all of Python: the sandbox's own.
///
/// # Errors
///
/// The script does not parse.
pub(super) async fn of(engine: &Engine, script: &str, servers: &[String]) -> Result<Needs, String> {
    asked(engine, script, servers, &[]).await
}

/// A script that shows what has these keys: `script` up to where it first uses one of them. None: there is none.
///
/// # Errors
///
/// The script does not parse.
pub(super) async fn look(
    engine: &Engine,
    script: &str,
    servers: &[String],
    missing: &[String],
) -> Result<Option<String>, String> {
    Ok(asked(engine, script, servers, missing).await?.look)
}

async fn asked(engine: &Engine, script: &str, servers: &[String], missing: &[String]) -> Result<Needs, String> {
    let data = json!([{"script": script, "servers": servers, "missing": missing}]);
    let mut found = python::run(engine, NEEDS, &data).await?;
    let first = found.get_mut(0).map(Value::take).unwrap_or_default();
    serde_json::from_value(first).map_err(|error| error.to_string())
}
