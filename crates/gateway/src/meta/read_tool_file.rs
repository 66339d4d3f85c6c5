//! Stub files, or the stubs of some tools.

use serde::Deserialize;
use serde_json::json;

use super::request::{MetaRequest, ToolTexts};
use super::tool::{Answering, object};
use super::{BadRequest, BadRequestKind, MetaTool};

/// `readToolFile`
pub static READ_TOOL_FILE: MetaTool = MetaTool {
    name: "readToolFile",
    description: "Reads typed signatures: of a server, or of some of its tools. Read or find them before you call them.",
    schema: || {
        let properties = json!({
            "fileName": {"type": "string", "description": "crm.pyi, or tools: crm.get_contacts, crm.*order*"},
            "startLine": {"type": "integer", "minimum": 1},
            "endLine": {"type": "integer", "minimum": 1, "description": "inclusive"},
        });
        object(properties, &["fileName"])
    },
    handler: answer,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Arguments {
    file_name: String,
    start_line: Option<usize>,
    end_line: Option<usize>,
}

fn answer(request: MetaRequest<'_>) -> Answering<'_> {
    Box::pin(async move {
        let Arguments { file_name, start_line, end_line } = request.arguments()?;
        let read = move |shown: &ToolTexts| {
            let lines = shown.stubs.read(&file_name, start_line, end_line, shown.max_bytes);
            lines.map_err(|error| BadRequest::new(BadRequestKind::Unknown, error.to_string()))
        };
        request.rendered(read).await
    })
}
