//! What a meta-tool is.

use exuvia_tool::BoxFuture;
use serde_json::{Value, json};

use super::{BadRequest, request::MetaRequest};
use crate::RunHandle;
use crate::answer::StoredAnswer;

/// One meta-tool.
#[derive(Debug)]
pub struct MetaTool {
    /// Its name.
    pub name: &'static str,
    /// What it does, for the model. Every word is paid for on every turn of every conversation.
    pub description: &'static str,
    pub(super) schema: fn() -> Value,
    pub(super) handler: Handler,
}

/// What answers a call.
pub(super) type Handler = fn(MetaRequest<'_>) -> Answering<'_>;

/// A pending answer.
pub(super) type Answering<'a> = BoxFuture<'a, Result<MetaAnswer, BadRequest>>;

/// The result of a call of a meta-tool.
#[derive(Debug)]
pub enum MetaAnswer {
    /// A text that is ready.
    Text(String),
    /// A run in flight. Its answer is [`render`](crate::answer::render) of its report.
    Run(RunHandle),
    /// What is kept of a run that is over.
    Stored(Box<StoredAnswer>),
}

impl MetaTool {
    /// The JSON Schema of its arguments.
    #[must_use]
    pub fn input_schema(&self) -> Value {
        (self.schema)()
    }

    pub(super) fn call<'a>(&self, request: MetaRequest<'a>) -> Answering<'a> {
        (self.handler)(request)
    }
}

/// The schema of an object with these properties. That others are refused costs no tokens: whoever sends one reads it then.
pub(super) fn object(properties: Value, required: &[&str]) -> Value {
    let mut schema = json!({"type": "object", "properties": properties});
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}
