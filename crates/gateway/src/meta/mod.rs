//! The four tools that a model is given instead of everybody else's.

mod definitions;
mod requests;

use exuvia_catalog::{docs, files};
use exuvia_runtime::Script;
use serde_json::{Map, Value};

pub use definitions::{MetaTool, NAMES, definitions};
pub use requests::BadRequest;

use crate::{Client, Gateway, RunHandle, StartedBy, View};
use requests::Request;

/// What a call of one of the four comes to.
#[derive(Debug)]
pub enum MetaAnswer {
    /// A text that is ready.
    Text(String),
    /// A script on its way. Its answer is [`render`](crate::answer::render) of its report.
    Run(RunHandle),
}

/// What is said of a tool that does not exist, beside those that do.
#[must_use]
pub fn unknown_tool<'a>(name: &str, tools: impl IntoIterator<Item = &'a str>) -> String {
    crate::unknown::unknown("tool", name, tools)
}

/// Answers one call of a client that sees `view`.
///
/// # Errors
///
/// The name or the arguments are wrong, or there is no room for a script; the message tells the model what to send.
pub fn call(
    gateway: &Gateway,
    view: &View,
    client: &Client,
    name: &str,
    arguments: &Map<String, Value>,
) -> Result<MetaAnswer, BadRequest> {
    match requests::read(name, arguments)? {
        Request::ListToolFiles { query } => {
            let snapshot = view.scripts();
            Ok(MetaAnswer::Text(files::list(&snapshot.namespace, &snapshot.settings.layouts, query.as_deref())))
        }
        Request::ReadToolFile { file_name, start_line, end_line } => {
            files::read(&view.namespace(), &file_name, start_line, end_line)
                .map(MetaAnswer::Text)
                .map_err(|error| BadRequest(error.to_string()))
        }
        Request::GetToolDocs { server, tool } => documentation(view, &server, &tool).map(MetaAnswer::Text),
        Request::ExecuteToolCode { code } => gateway
            .start(view, Script::new(code), StartedBy::Client, client)
            .map(MetaAnswer::Run)
            .map_err(|busy| BadRequest(busy.to_string())),
    }
}

fn documentation(view: &View, server_name: &str, tool_name: &str) -> Result<String, BadRequest> {
    let namespace = view.namespace();
    let server = namespace.find_server(server_name).ok_or_else(|| {
        let names = namespace.servers().iter().map(|server| server.python_name.as_str());
        BadRequest::unknown("server", server_name, names)
    })?;
    let tool = server.find(tool_name).ok_or_else(|| {
        let names = server.tools().iter().map(|tool| tool.python_name.as_str());
        BadRequest::unknown("tool", tool_name, names)
    })?;
    Ok(docs::tool_docs(server, tool))
}
