//! Which stub files there are, or which tools fit a query.

use serde::Deserialize;
use serde_json::json;

use super::MetaTool;
use super::request::MetaRequest;
use super::tool::{Answering, object};

/// `listToolFiles`
pub static LIST_TOOL_FILES: MetaTool = MetaTool {
    name: "listToolFiles",
    description: "Lists the Python stub files of the tools that scripts can call, or, with a query, the tools that fit it.",
    schema: || object(json!({"query": {"type": "string"}}), &[]),
    handler: answer,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    query: Option<String>,
}

fn answer(request: MetaRequest<'_>) -> Answering<'_> {
    Box::pin(async move {
        let Arguments { query } = request.arguments()?;
        request.rendered(move |shown| Ok(shown.stubs.list(query.as_deref(), shown.max_bytes))).await
    })
}
