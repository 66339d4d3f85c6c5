//! The meta-tools that a model is given in place of all others.
//!
//! Each is a file of its own, with its name, description, schema, arguments and handler. To add one, write such a file and put it
//! into [`TOOLS`].

mod bad_request;
mod execute_tool_code;
mod get_tool_docs;
mod list_tool_files;
mod read_tool_file;
mod request;
mod texts;
mod tool;

use serde_json::{Map, Value, json};

pub use bad_request::{BadRequest, BadRequestKind};
pub use execute_tool_code::EXECUTE_TOOL_CODE;
pub use get_tool_docs::GET_TOOL_DOCS;
pub use list_tool_files::LIST_TOOL_FILES;
pub use read_tool_file::READ_TOOL_FILE;
pub use tool::{MetaAnswer, MetaTool};

use crate::{Client, Gateway, Profile, View};
use request::MetaRequest;

/// All of them, in the order in which a model uses them.
pub static TOOLS: [&MetaTool; 4] = [&LIST_TOOL_FILES, &READ_TOOL_FILE, &GET_TOOL_DOCS, &EXECUTE_TOOL_CODE];

/// Those that the clients of a profile are given.
#[must_use]
pub fn tools_of(profile: &Profile) -> &'static [&'static MetaTool] {
    if profile.has_scripts() { TOOLS.as_slice() } else { &[] }
}

/// The description of a meta-tool for the clients of a profile. It changes only where the profile does, so that prompts can be
/// cached.
#[must_use]
pub fn description(tool: &MetaTool, profile: &Profile) -> String {
    if tool.name == LIST_TOOL_FILES.name {
        return format!("{}{}", tool.description, list_tool_files::servers(profile));
    }
    let mut description = tool.description.to_owned();
    if tool.name == EXECUTE_TOOL_CODE.name {
        if let Some(files) = profile.files() {
            description = execute_tool_code::with_files(&description, files);
        }
        if profile.has_sessions() {
            description = execute_tool_code::with_sessions(&description);
        }
    }
    description
}

/// The JSON Schema of the arguments of a meta-tool for the clients of a profile.
#[must_use]
pub fn input_schema(tool: &MetaTool, profile: &Profile) -> Value {
    match tool.name == EXECUTE_TOOL_CODE.name && profile.has_sessions() {
        true => execute_tool_code::schema_with_sessions(tool.input_schema()),
        false => tool.input_schema(),
    }
}

/// The error for a tool that does not exist, with the names of similar tools.
#[must_use]
pub fn unknown_tool<'a>(name: &str, tools: impl IntoIterator<Item = &'a str>) -> String {
    crate::unknown_name::unknown("tool", name, tools)
}

/// Answers one call of a client that sees `view`. Texts about tools are rendered on threads of their own and are at most
/// `answer_bytes` long.
///
/// # Errors
///
/// The name or the arguments are wrong, or the queue is full; the message says what to send instead.
pub async fn call(
    gateway: &Gateway,
    view: &View,
    client: &Client,
    name: &str,
    arguments: &Map<String, Value>,
) -> Result<MetaAnswer, BadRequest> {
    let Some(tool) = TOOLS.into_iter().find(|tool| tool.name == name) else {
        return Err(BadRequest::unknown("tool", name, TOOLS.iter().map(|tool| tool.name)));
    };
    let answer = tool.call(MetaRequest { tool, gateway, view, client, arguments }).await;
    if let (Ok(MetaAnswer::Text(text)), true) = (&answer, tool.name != EXECUTE_TOOL_CODE.name) {
        gateway.recorder.looked_up(&json!(arguments).to_string(), text);
    }
    answer
}
