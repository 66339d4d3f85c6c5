//! Everything on one tool.

use exuvia_catalog::docs;
use serde::Deserialize;
use serde_json::json;

use super::request::{MetaRequest, ToolTexts};
use super::tool::{Answering, object};
use super::{BadRequest, BadRequestKind, MetaTool};

/// `getToolDocs`
pub static GET_TOOL_DOCS: MetaTool = MetaTool {
    name: "getToolDocs",
    description: "The full documentation of one tool, where its signature is not enough.",
    schema: || object(json!({"server": {"type": "string"}, "tool": {"type": "string"}}), &["server", "tool"]),
    handler: answer,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    server: String,
    tool: String,
}

fn answer(request: MetaRequest<'_>) -> Answering<'_> {
    Box::pin(async move {
        let arguments = request.arguments()?;
        request.rendered(move |shown| documentation(shown, &arguments)).await
    })
}

fn documentation(shown: &ToolTexts, wanted: &Arguments) -> Result<String, BadRequest> {
    let namespace = &shown.namespace;
    let server = namespace.find_server(&wanted.server).ok_or_else(|| {
        if let Some(absent) = namespace.find_absent(&wanted.server) {
            let message = format!("the server {} {}", absent.python_name, absent.trouble());
            return BadRequest::new(BadRequestKind::Unknown, message);
        }
        let names = namespace.servers().iter().map(|server| server.python_name.as_str());
        BadRequest::unknown("server", &wanted.server, names)
    })?;
    let tool = server.find(&wanted.tool).ok_or_else(|| {
        let names = server.tools().iter().map(|tool| tool.python_name.as_str());
        BadRequest::unknown("tool", &wanted.tool, names)
    })?;
    Ok(docs::tool_docs_within(server, tool, shown.max_bytes))
}
