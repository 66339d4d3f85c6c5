//! Everything on one tool that its stub leaves out.

use serde::Deserialize;
use serde_json::json;

use super::request::{MetaRequest, ToolTexts};
use super::texts::Texts;
use super::tool::{Answering, object};
use super::{BadRequest, BadRequestKind, MetaTool};

/// `getToolDocs`
pub static GET_TOOL_DOCS: MetaTool = MetaTool {
    name: "getToolDocs",
    description: "What a server says of a tool.",
    schema: || object(json!({"tool": {"type": "string"}}), &["tool"]),
    handler: answer,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    tool: Texts,
    /// Not in the schema: models also pass the server separately.
    server: Option<String>,
}

fn answer(request: MetaRequest<'_>) -> Answering<'_> {
    Box::pin(async move {
        let Arguments { tool, server } = request.arguments()?;
        let tool = tool.joined(", ");
        let docs = move |shown: &ToolTexts| {
            let docs = shown.stubs.docs(server.as_deref(), &tool, shown.max_bytes);
            docs.map_err(|error| BadRequest::new(BadRequestKind::Unknown, error.to_string()))
        };
        request.rendered(docs).await
    })
}
