//! One call of a meta-tool: its arguments, read with errors that a model can act on, and what answers are made of.

use std::sync::Arc;

use exuvia_catalog::files::StubFiles;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{BadRequest, BadRequestKind, MetaAnswer, MetaTool};
use crate::{Client, Gateway, View};

/// One call of a client.
pub(super) struct MetaRequest<'a> {
    pub(super) tool: &'static MetaTool,
    pub(super) gateway: &'a Gateway,
    pub(super) view: &'a View,
    pub(super) client: &'a Client,
    pub(super) arguments: &'a Map<String, Value>,
}

/// What texts about the tools are rendered from.
pub(super) struct ToolTexts {
    pub(super) stubs: Arc<StubFiles>,
    /// The most that a text may have.
    pub(super) max_bytes: usize,
}

impl MetaRequest<'_> {
    /// The arguments as the tool takes them.
    pub(super) fn arguments<T: DeserializeOwned>(&self) -> Result<T, BadRequest> {
        T::deserialize(self.arguments).map_err(|error| {
            let error = error.to_string();
            // Which fields there are is said once, and of those that this client was told of.
            let error = match error.split_once(", expected") {
                Some((unknown, _)) if unknown.starts_with("unknown field") => unknown,
                _ => error.as_str(),
            };
            let schema = super::input_schema(self.tool, self.view.profile());
            let message = format!("{}: {error}; it takes {}", self.tool.name, parameters(&schema));
            BadRequest::new(BadRequestKind::Arguments, message)
        })
    }

    /// A text about the tools. Rendering what servers wrote may take a while, so it runs on blocking threads, a few at a time.
    pub(super) async fn rendered(
        &self,
        render: impl FnOnce(&ToolTexts) -> Result<String, BadRequest> + Send + 'static,
    ) -> Result<MetaAnswer, BadRequest> {
        let ending = || BadRequest::new(BadRequestKind::ShuttingDown, "the gateway is shutting down");
        // Held until the text is ready, even if the request was cancelled.
        let reader = Arc::clone(&self.gateway.readers).acquire_owned().await.map_err(|_| ending())?;
        let view = self.view;
        let shown = ToolTexts { stubs: view.stubs(), max_bytes: view.answer_bytes() };
        let rendered = tokio::task::spawn_blocking(move || {
            let _reader = reader;
            render(&shown)
        });
        rendered.await.map_err(|_| ending())?.map(MetaAnswer::Text)
    }
}

/// `code (string)`, or whatever a tool with this schema takes.
fn parameters(schema: &Value) -> String {
    let required = |parameter: &str| schema["required"].as_array().is_some_and(|all| all.contains(&parameter.into()));
    let properties = schema["properties"].as_object().into_iter().flatten();
    let listed = properties.map(|(parameter, schema)| {
        let kind = schema["type"].as_str().unwrap_or("any");
        let optional = if required(parameter) { "" } else { ", optional" };
        format!("{parameter} ({kind}{optional})")
    });
    listed.collect::<Vec<_>>().join(", ")
}
