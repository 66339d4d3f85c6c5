//! The arguments of the meta-tools, read with errors that a model can act on.

use std::fmt;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::discovery::Discovery;
use super::{NAMES, definitions};
use crate::unknown::unknown;

/// A request that cannot be answered as it is. The message is for the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRequest(pub String);

impl fmt::Display for BadRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadRequest {}

impl BadRequest {
    pub(super) fn unknown<'a>(what: &str, name: &str, candidates: impl Iterator<Item = &'a str>) -> Self {
        Self(unknown(what, name, candidates))
    }
}

/// One request of a model.
pub(super) enum Request {
    Discovery(Discovery),
    ExecuteToolCode { code: String },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListToolFiles {
    query: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ReadToolFile {
    file_name: String,
    start_line: Option<usize>,
    end_line: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GetToolDocs {
    server: String,
    tool: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExecuteToolCode {
    code: String,
}

pub(super) fn read(name: &str, arguments: &Map<String, Value>) -> Result<Request, BadRequest> {
    match name {
        "listToolFiles" => {
            fields(name, arguments).map(|ListToolFiles { query }| Request::Discovery(Discovery::List { query }))
        }
        "readToolFile" => fields(name, arguments).map(|ReadToolFile { file_name, start_line, end_line }| {
            Request::Discovery(Discovery::Read { file_name, start_line, end_line })
        }),
        "getToolDocs" => fields(name, arguments)
            .map(|GetToolDocs { server, tool }| Request::Discovery(Discovery::Docs { server, tool })),
        "executeToolCode" => fields(name, arguments).map(|ExecuteToolCode { code }| Request::ExecuteToolCode { code }),
        _ => Err(BadRequest::unknown("tool", name, NAMES.into_iter())),
    }
}

fn fields<T: DeserializeOwned>(name: &str, arguments: &Map<String, Value>) -> Result<T, BadRequest> {
    T::deserialize(arguments).map_err(|error| BadRequest(format!("{name}: {error}; it takes {}", parameters(name))))
}

/// `code (string)`, or whatever this tool takes, as its definition has it.
fn parameters(name: &str) -> String {
    let definition = definitions().into_iter().find(|tool| tool.name == name);
    let schema = definition.map(|tool| tool.input_schema).unwrap_or_default();
    let required = |parameter: &str| schema["required"].as_array().is_some_and(|all| all.contains(&parameter.into()));
    let properties = schema["properties"].as_object().into_iter().flatten();
    let listed = properties.map(|(parameter, schema)| {
        let kind = schema["type"].as_str().unwrap_or("any");
        let optional = if required(parameter) { "" } else { ", optional" };
        format!("{parameter} ({kind}{optional})")
    });
    listed.collect::<Vec<_>>().join(", ")
}
