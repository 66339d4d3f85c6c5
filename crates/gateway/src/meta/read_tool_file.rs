//! Stub files, or the stubs of some tools.

use serde::Deserialize;
use serde_json::json;

use super::request::{MetaRequest, ToolTexts};
use super::texts::Texts;
use super::tool::{Answering, object};
use super::{BadRequest, BadRequestKind, MetaTool};

/// `readToolFile`
pub static READ_TOOL_FILE: MetaTool = MetaTool {
    name: "readToolFile",
    description: "Reads signatures. Read or find them before calls.",
    schema: || {
        let name = json!({"type": "string", "description": "crm.pyi, crm.get_contacts, crm.*order*"});
        object(json!({"fileName": name}), &["fileName"])
    },
    handler: answer,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Arguments {
    file_name: Texts,
}

fn answer(request: MetaRequest<'_>) -> Answering<'_> {
    Box::pin(async move {
        let Arguments { file_name } = request.arguments()?;
        let file_name = file_name.joined(", ");
        let read = move |shown: &ToolTexts| {
            let stubs = shown.stubs.read(&file_name, shown.max_bytes);
            stubs.map_err(|error| BadRequest::new(BadRequestKind::Unknown, error.to_string()))
        };
        request.rendered(read).await
    })
}
