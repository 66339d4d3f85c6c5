//! The four meta-tools that a model is given in place of all others.

mod definitions;
mod discovery;
mod requests;

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

/// Answers one call of a client that sees `view`. What is read of the tools comes from threads of its own, in at most
/// `answer_bytes`.
///
/// # Errors
///
/// The name or the arguments are wrong, or there is no room for a script; the message tells the model what to send.
pub async fn call(
    gateway: &Gateway,
    view: &View,
    client: &Client,
    name: &str,
    arguments: &Map<String, Value>,
) -> Result<MetaAnswer, BadRequest> {
    match requests::read(name, arguments)? {
        Request::Discovery(wanted) => discovery::answer(gateway, view, wanted).await.map(MetaAnswer::Text),
        Request::ExecuteToolCode { code } => gateway
            .start(view, Script::new(code), StartedBy::Client, client)
            .map(MetaAnswer::Run)
            .map_err(|busy| BadRequest(busy.to_string())),
    }
}
