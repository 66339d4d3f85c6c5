//! The tools that clients see, and calls of them.

use std::sync::Arc;

use exuvia_gateway::answer::{ModelAnswer, render_aside};
use exuvia_gateway::meta::{self, BadRequest, EXECUTE_TOOL_CODE, MetaAnswer, MetaTool};
use exuvia_gateway::{Client, Profile, RunHandle, trees};
use exuvia_runtime::{Outcome, Report};
use exuvia_tool::{Json, RunId};
use http::request::Parts;
use rmcp::ErrorData;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, InputRequiredResult, InputResponses,
    JsonObject, MetaObject, Tool,
};
use rmcp::service::{RequestContext, RoleServer};
use serde_json::{Value, json};

use super::{McpHandler, Opened, functions};
use crate::client::claiming_client;
use crate::direct;
use crate::large_arguments::Arguments;
use crate::progress::{Followed, follow};
use crate::questions::abilities;
use crate::script_questions::{Asked, Asker, PendingRun, PutAside};

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
        if profile.has_direct() || profile.offers_functions() {
            let (_, view) = self.open().await?;
            tools.extend(functions::tools(&view));
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
        let script = functions::as_script(view, &request, bypassed.as_ref());
        let (request, bypassed) = script.map_or((request, bypassed), |script| (script, None));
        let metas = meta::tools_of(view.profile()).iter().map(|tool| tool.name);
        if metas.clone().any(|name| name == request.name) {
            let client = claiming_client(context).inspect_err(|error| self.mistakes.note(error))?;
            let client = client.that_can(abilities(context));
            return self.meta_call(&opened, &client, request, bypassed, context).await;
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
        opened: &Opened,
        client: &Client,
        mut request: CallToolRequestParams,
        bypassed: Option<Arguments>,
        context: &RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let (state, responses) = (request.request_state.take(), request.input_responses.take());
        let arguments = match bypassed {
            Some(bypassed) => match tree(&bypassed).await {
                Ok(arguments) => arguments,
                Err(error) => return Ok(text(format!("{}: {error}", request.name), true).into()),
            },
            None => request.arguments.unwrap_or_default(),
        };
        let (gateway, view) = opened;
        let asker = Asker { gateway: Arc::clone(gateway), client: client.clone(), can: abilities(context).of_script() };
        let call = ScriptCall { opened, client, arguments: &arguments, context, asker };
        if let Some(state) = state {
            return self.came_back(call, &state, responses).await;
        }
        if let Some(run) = asked_run(&request.name, &arguments).filter(|_| call.asker.can.any()) {
            return Ok(self.picked_up(call, &run).await);
        }
        let made = meta::call(gateway, view, client, &request.name, &arguments).await;
        Ok(self.meta_answer(call, made).await)
    }

    async fn meta_answer(&self, call: ScriptCall<'_>, made: Result<MetaAnswer, BadRequest>) -> CallToolResponse {
        match made {
            Ok(MetaAnswer::Text(answer)) => text(answer, false).into(),
            Ok(MetaAnswer::Stored(stored)) => answer(stored.render_aside().await).into(),
            Ok(MetaAnswer::Run(run)) => self.followed(call, run, false).await,
            Err(error) => text(error.to_string(), true).into(),
        }
    }

    /// Follows the run of a call. `is_answered`: its client has answered an approval of it before.
    async fn followed(&self, call: ScriptCall<'_>, mut run: RunHandle, is_answered: bool) -> CallToolResponse {
        let (id, room) = (run.id().clone(), run.answer_room());
        let places = self.shared.questions();
        let report = loop {
            let (asked, going_on) = match follow(run, call.context, &self.detached_runs, &call.asker, places).await {
                Followed::Over(report) => break report,
                // Nobody reads it.
                Followed::Alone => return text("the client is gone".to_owned(), true).into(),
                Followed::Asks(run, asked) => (asked, run),
            };
            match self.put_aside(&call, *going_on, asked) {
                Ok(asks) => return asks.into(),
                Err(unasked) => run = unasked,
            }
        };
        if is_answered && matches!(report.outcome, Outcome::AwaitingApproval(_)) {
            // It was parked before the answer, and comes back.
            return self.picked_up(call, &id).await;
        }
        let meta = usage(&report);
        let mut result = answer(render_aside(*report, room).await);
        result.meta = Some(meta);
        result.into()
    }

    /// Asks a client of the modern era by a result, and keeps the run until it comes back. Err: there is no room, and nobody is asked.
    fn put_aside(&self, call: &ScriptCall<'_>, run: RunHandle, asked: Asked) -> Result<InputRequiredResult, RunHandle> {
        let asks = asked.result().zip(self.shared.questions().enter(call.client.clone()));
        let Some((mut result, place)) = asks else { return Err(run) };
        let arguments = Arc::new(Json::from_value(&Value::Object(call.arguments.clone())));
        let pending = PendingRun { run: PutAside::Followed(run), asked, arguments, _place: place };
        match self.pending_runs.insert(pending).map_err(|pending| pending.run) {
            Ok(state) => result.request_state = Some(state),
            Err(PutAside::Followed(run)) => return Err(run),
            Err(PutAside::Named(_)) => {}
        }
        Ok(result)
    }

    /// A client of the modern era comes back to its script, with answers or without.
    async fn came_back(
        &self,
        call: ScriptCall<'_>,
        state: &str,
        responses: Option<InputResponses>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = Json::from_value(&Value::Object(call.arguments.clone()));
        let unknown = Err("this requestState is not of this tool: repeat the call without it");
        let pending = self.pending_runs.take(state, &arguments).unwrap_or(unknown);
        let pending = pending.map_err(|message| ErrorData::invalid_params(message, None));
        let PendingRun { run, asked, _place: place, .. } = pending.inspect_err(|error| self.mistakes.note(error))?;
        drop(place);
        let is_answered = call.asker.returned(asked, responses).await;
        Ok(match run {
            PutAside::Followed(run) => self.followed(call, run, is_answered).await,
            PutAside::Named(run) => self.picked_up(call, &run).await,
        })
    }
}

/// A call of a meta-tool by a client.
pub(super) struct ScriptCall<'a> {
    pub(super) opened: &'a Opened,
    pub(super) client: &'a Client,
    pub(super) arguments: &'a JsonObject,
    pub(super) context: &'a RequestContext<RoleServer>,
    pub(super) asker: Asker,
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

/// The run that a call asks for, if it sends no script.
pub(super) fn asked_run(tool: &str, arguments: &JsonObject) -> Option<RunId> {
    let run = arguments.get("run").and_then(Value::as_str);
    run.filter(|_| tool == EXECUTE_TOOL_CODE.name && !arguments.contains_key("code")).map(RunId::new)
}

/// What a model reads of a run: a text, and the images that it refers to.
pub(super) fn answer(answer: ModelAnswer) -> CallToolResult {
    let images = answer.images.into_iter().map(|image| ContentBlock::image(image.data, image.mime_type));
    let mut result = text(answer.text, answer.is_error);
    result.content.extend(images);
    result
}

pub(super) fn text(text: String, is_error: bool) -> CallToolResult {
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
    let schema: JsonObject = meta::input_schema(tool, profile).as_object().cloned().unwrap_or_default();
    Tool::new(tool.name, meta::description(tool, profile), Arc::new(schema))
}
