//! The tools that clients see, and calls of them.

use std::sync::Arc;

use exuvia_gateway::answer::{ModelAnswer, render_aside};
use exuvia_gateway::meta::{self, MetaAnswer, MetaTool};
use exuvia_gateway::{Client, Profile, trees};
use exuvia_runtime::{Outcome, Report};
use http::request::Parts;
use rmcp::ErrorData;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, JsonObject, MetaObject, Tool,
};
use rmcp::service::{RequestContext, RoleServer};
use serde_json::{Value, json};

use super::{McpHandler, Opened};
use crate::client::claiming_client;
use crate::direct;
use crate::large_arguments::Arguments;
use crate::progress::follow;

/// The schema keyword for an argument that is repeated in a header.
const PARAMETER_HEADER: &str = "x-mcp-header";
/// The key in `_meta` of the resources that the run used.
const USAGE_KEY: &str = "exuvia/usage";
/// The key in `_meta` of the budget that had too little left.
pub(crate) const EXHAUSTED_KEY: &str = "exuvia/exhausted";

impl McpHandler {
    /// The tools that a client sees, and what is missing.
    pub(super) async fn tools(&self) -> Result<(Vec<Tool>, Option<MetaObject>), ErrorData> {
        let profile = self.profile();
        let metas = meta::tools_of(&profile).iter().map(|tool| meta_tool(tool, &profile));
        let (mut tools, mut meta) = (metas.collect::<Vec<_>>(), None);
        // The meta-tools depend on the names of the servers alone, so they are listed without waiting for them.
        if profile.has_direct() {
            let (_, view) = self.open().await?;
            tools.extend(view.tools().iter().map(direct::tool));
            meta = direct::notices(view.absent_direct().iter().map(direct::absent).collect());
        }
        Ok((tools, meta))
    }

    /// The tool, if some of its arguments are repeated in headers.
    pub(super) fn tool_with_headers(&self, name: &str) -> Option<Tool> {
        let view = self.viewer.view(&*self.gateway.now()?)?;
        view.tool(name).filter(|tool| tool.written.as_str().contains(PARAMETER_HEADER)).map(direct::tool)
    }

    /// Calls a tool: a meta-tool, or one of a direct server.
    pub(super) async fn tool_call(
        &self,
        request: CallToolRequestParams,
        context: &RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let bypassed = self.bypassed_arguments(context);
        let opened = self.open().await?;
        let tool = opened.1.tool(&request.name).map(|tool| &tool.tool);
        // One that is withheld is denied there, and recorded.
        if let Some(tool) = tool.or_else(|| opened.1.withheld_tool(&request.name)) {
            return self.direct(&opened, context).call(tool, request, bypassed).await;
        }
        let view = &opened.1;
        let metas = meta::tools_of(view.profile()).iter().map(|tool| tool.name);
        if metas.clone().any(|name| name == request.name) {
            let client = claiming_client(context).inspect_err(|error| self.mistakes.note(error))?;
            return Ok(self.meta_call(&opened, &client, request, bypassed, context).await.into());
        }
        let names = metas.chain(view.tools().iter().map(|tool| tool.name.as_str()));
        let unknown = match view.absent_owner(&request.name) {
            Some(absent) => format!("tool {} is not available: {}", request.name, direct::absent(absent)),
            None => meta::unknown_tool(&request.name, names),
        };
        let error = ErrorData::invalid_params(unknown, None);
        self.mistakes.note(&error);
        Err(error)
    }

    /// The arguments of a call that rmcp did not see.
    fn bypassed_arguments(&self, context: &RequestContext<RoleServer>) -> Option<Arguments> {
        match context.extensions.get::<Parts>() {
            Some(head) => head.extensions.get().cloned(),
            None => self.bypassed.take(&context.id),
        }
    }

    async fn meta_call(
        &self,
        (gateway, view): &Opened,
        client: &Client,
        request: CallToolRequestParams,
        bypassed: Option<Arguments>,
        context: &RequestContext<RoleServer>,
    ) -> CallToolResult {
        let arguments = match bypassed {
            Some(bypassed) => match tree(&bypassed).await {
                Ok(arguments) => arguments,
                Err(error) => return text(format!("{}: {error}", request.name), true),
            },
            None => request.arguments.unwrap_or_default(),
        };
        match meta::call(gateway, view, client, &request.name, &arguments).await {
            Ok(MetaAnswer::Text(answer)) => text(answer, false),
            Ok(MetaAnswer::Stored(report, room)) => answer(render_aside(*report, room).await),
            Ok(MetaAnswer::Run(run)) => {
                let room = run.answer_room();
                let Some(report) = follow(run, context, &self.detached_runs).await else {
                    // Nobody reads it.
                    return text("the client is gone".to_owned(), true);
                };
                let meta = usage(&report);
                let mut result = answer(render_aside(report, room).await);
                result.meta = Some(meta);
                result
            }
            Err(error) => text(error.to_string(), true),
        }
    }
}

/// The arguments of a meta-tool, few of which are long.
async fn tree(Arguments(arguments): &Arguments) -> Result<JsonObject, String> {
    let _room = trees::room(arguments.extent().tree_bytes).await;
    match arguments.to_value() {
        Ok(Value::Object(arguments)) => Ok(arguments),
        Ok(_) => Err("the arguments must be an object".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// What a model reads of a run: a text, and the images that it refers to.
fn answer(answer: ModelAnswer) -> CallToolResult {
    let images = answer.images.into_iter().map(|image| ContentBlock::image(image.data, image.mime_type));
    let mut result = text(answer.text, answer.is_error);
    result.content.extend(images);
    result
}

fn text(text: String, is_error: bool) -> CallToolResult {
    let content = vec![ContentBlock::text(text)];
    if is_error { CallToolResult::error(content) } else { CallToolResult::success(content) }
}

/// What the run used, and the budget that had too little left for it, where that costs the model nothing.
fn usage(report: &Report) -> MetaObject {
    let mut meta = MetaObject::default();
    meta.insert(USAGE_KEY.into(), json!(report.usage));
    if let Outcome::Exhausted(exhausted) = &report.outcome {
        meta.insert(EXHAUSTED_KEY.into(), json!(exhausted));
    }
    meta
}

fn meta_tool(tool: &MetaTool, profile: &Profile) -> Tool {
    let schema: JsonObject = tool.input_schema().as_object().cloned().unwrap_or_default();
    Tool::new(tool.name, meta::description(tool, profile), Arc::new(schema))
}
