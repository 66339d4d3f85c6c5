//! The four tools that a model is given instead of everybody else's.

mod definitions;
mod requests;

use exuvia_catalog::{docs, files};
use exuvia_runtime::Script;
use serde_json::{Map, Value};

pub use definitions::{MetaTool, definitions};
pub use requests::BadRequest;

use crate::{Client, Gateway, RunHandle, StartedBy};
use requests::Request;

/// What a call of one of the four comes to.
#[derive(Debug)]
pub enum MetaAnswer {
    /// A text that is ready.
    Text(String),
    /// A script on its way. Its answer is [`render`](crate::answer::render) of its report.
    Run(RunHandle),
}

/// Answers one call.
///
/// # Errors
///
/// The name or the arguments are wrong, or there is no room for a script; the message tells the model what to send.
pub fn call(
    gateway: &Gateway,
    client: &Client,
    name: &str,
    arguments: &Map<String, Value>,
) -> Result<MetaAnswer, BadRequest> {
    match requests::read(name, arguments)? {
        Request::ListToolFiles { query } => {
            let snapshot = gateway.snapshot();
            Ok(MetaAnswer::Text(files::list(&snapshot.namespace, &snapshot.settings.layouts, query.as_deref())))
        }
        Request::ReadToolFile { file_name, start_line, end_line } => {
            files::read(&gateway.namespace(), &file_name, start_line, end_line)
                .map(MetaAnswer::Text)
                .map_err(|error| BadRequest(error.to_string()))
        }
        Request::GetToolDocs { server, tool } => documentation(gateway, &server, &tool).map(MetaAnswer::Text),
        Request::ExecuteToolCode { code } => gateway
            .start(Script::new(code), StartedBy::Client, client)
            .map(MetaAnswer::Run)
            .map_err(|busy| BadRequest(busy.to_string())),
    }
}

fn documentation(gateway: &Gateway, server_name: &str, tool_name: &str) -> Result<String, BadRequest> {
    let namespace = gateway.namespace();
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
