//! Answers about the tools. They are rendered from what servers wrote, which may take a while, so that happens on threads
//! where nobody else waits, few of them at a time.

use std::sync::Arc;

use exuvia_catalog::docs;
use exuvia_catalog::files::StubFiles;
use exuvia_tool::Namespace;

use super::BadRequest;
use crate::{Gateway, View};

/// What a model wants to know of the tools.
pub(super) enum Discovery {
    /// Which stub files there are, or which tools fit.
    List { query: Option<String> },
    /// Some lines of a stub file.
    Read { file_name: String, start_line: Option<usize>, end_line: Option<usize> },
    /// Everything on one tool.
    Docs { server: String, tool: String },
}

/// Answers it from what `view` shows.
pub(super) async fn answer(gateway: &Gateway, view: &View, wanted: Discovery) -> Result<String, BadRequest> {
    let ending = || BadRequest("the gateway is shutting down".to_owned());
    // Held until the text is ready, also when nobody waits for it any more.
    let reader = Arc::clone(&gateway.readers).acquire_owned().await.map_err(|_| ending())?;
    let (stubs, namespace, max_bytes) = (view.stubs(), view.namespace(), view.answer_bytes());
    let answered = tokio::task::spawn_blocking(move || {
        let _reader = reader;
        answered(&stubs, &namespace, wanted, max_bytes)
    });
    answered.await.map_err(|_| ending())?
}

fn answered(
    stubs: &StubFiles,
    namespace: &Namespace,
    wanted: Discovery,
    max_bytes: usize,
) -> Result<String, BadRequest> {
    match wanted {
        Discovery::List { query } => Ok(stubs.list(query.as_deref(), max_bytes)),
        Discovery::Read { file_name, start_line, end_line } => {
            stubs.read(&file_name, start_line, end_line, max_bytes).map_err(|error| BadRequest(error.to_string()))
        }
        Discovery::Docs { server, tool } => documentation(namespace, &server, &tool, max_bytes),
    }
}

fn documentation(
    namespace: &Namespace,
    server_name: &str,
    tool_name: &str,
    max_bytes: usize,
) -> Result<String, BadRequest> {
    let server = namespace.find_server(server_name).ok_or_else(|| {
        if let Some(absent) = namespace.find_absent(server_name) {
            return BadRequest(format!("the server {} {}", absent.python_name, absent.trouble()));
        }
        let names = namespace.servers().iter().map(|server| server.python_name.as_str());
        BadRequest::unknown("server", server_name, names)
    })?;
    let tool = server.find(tool_name).ok_or_else(|| {
        let names = server.tools().iter().map(|tool| tool.python_name.as_str());
        BadRequest::unknown("tool", tool_name, names)
    })?;
    Ok(docs::tool_docs_within(server, tool, max_bytes))
}
