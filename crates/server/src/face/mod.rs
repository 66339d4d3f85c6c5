//! A profile of the gateway as an MCP server: the four meta-tools, and the tools of direct servers.

use std::sync::Arc;

use exuvia_gateway::answer::{Answer, render};
use exuvia_gateway::meta::{self, MetaAnswer, MetaTool};
use exuvia_gateway::{Gateway, Profile, View};
use exuvia_runtime::Report;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, CancelTaskMethod, CancelTaskParams,
    CancelledNotificationParam, CompleteRequestMethod, CompleteRequestParams, CompleteResult, ConstString,
    ContentBlock, GetPromptRequestMethod, GetPromptRequestParams, GetPromptResponse, GetTaskMethod, GetTaskParams,
    GetTaskResult, Implementation, JsonObject, ListPromptsRequestMethod, ListPromptsResult,
    ListResourceTemplatesRequestMethod, ListResourceTemplatesResult, ListResourcesRequestMethod, ListResourcesResult,
    ListToolsResult, MetaObject, PaginatedRequestParams, ReadResourceRequestMethod, ReadResourceRequestParams,
    ReadResourceResponse, ServerCapabilities, ServerConfig, SubscriptionFilter, Tool, UpdateTaskMethod,
    UpdateTaskParams,
};
use rmcp::service::{NotificationContext, RequestContext, RoleServer, SubscriptionContext};
use rmcp::{ErrorData, ServerHandler};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::PendingGateway;
use crate::cancelled::Cancellable;
use crate::changes::Changes;
use crate::client::{client, client_with};
use crate::direct::{self, Direct, Shared};
use crate::follow::follow;
use crate::traced::{self, Target};

/// What a tool's schema has where an argument goes into a header as well.
const PARAMETER_HEADER: &str = "x-mcp-header";
/// The key under which an answer's `_meta` tells what the run used.
const USAGE_KEY: &str = "exuvia/usage";

/// Answers the clients of one profile.
#[derive(Clone)]
pub(crate) struct Face {
    gateway: PendingGateway,
    /// None for clients that name no profile.
    profile: Option<Arc<str>>,
    shared: Arc<Shared>,
    cancellable: Arc<Cancellable>,
    /// Cancelled when the server is about to end: whoever only listens is told so.
    ending: CancellationToken,
}

impl Face {
    pub(crate) fn new(gateway: PendingGateway, profile: Option<&str>, ending: CancellationToken) -> Self {
        let profile = profile.map(Arc::from);
        Self { gateway, profile, shared: Arc::default(), cancellable: Arc::default(), ending }
    }

    /// What is known of the profile, the gateway may still be starting.
    fn profile(&self) -> Profile {
        let name = self.profile.as_deref();
        match self.gateway.now() {
            Some(gateway) => gateway.view(name).map(|view| view.profile().clone()),
            None => self.gateway.profiles().get(name).cloned(),
        }
        .unwrap_or_default()
    }

    /// The gateway, and what there is to see at the moment.
    async fn open(&self) -> Result<(Arc<Gateway>, Arc<View>), ErrorData> {
        let ended = || ErrorData::internal_error("the gateway is shutting down", None);
        let gateway = self.gateway.get().await.ok_or_else(ended)?;
        let gone = || ErrorData::invalid_request("there is no such profile any more", None);
        let view = gateway.view(self.profile.as_deref()).ok_or_else(gone)?;
        Ok((gateway, view))
    }

    /// Changes of tools, for clients that see any of direct servers: the meta-tools never change.
    async fn changes(&self) -> Option<Changes> {
        if !self.profile().has_direct() {
            return None;
        }
        Changes::of(&self.gateway.get().await?, self.profile.clone())
    }

    /// Opens what only direct servers have.
    async fn open_direct<M: ConstString>(&self) -> Result<(Arc<Gateway>, Arc<View>), ErrorData> {
        if self.profile().has_direct() { self.open().await } else { Err(ErrorData::method_not_found::<M>()) }
    }

    fn direct<'a>(
        &'a self,
        (gateway, view): &'a (Arc<Gateway>, Arc<View>),
        context: &'a RequestContext<RoleServer>,
    ) -> Direct<'a> {
        Direct { gateway, view, shared: &self.shared, context }
    }

    async fn tool_call(
        &self,
        request: CallToolRequestParams,
        context: &RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let opened = self.open().await?;
        if let Some(tool) = opened.1.tool(&request.name) {
            return self.direct(&opened, context).call(&tool.tool, request).await;
        }
        let view = &opened.1;
        let metas = if view.profile().has_scripts() { meta::NAMES.as_slice() } else { &[] };
        if metas.contains(&request.name.as_ref()) {
            return Ok(self.meta_call(&opened, request, context).await.into());
        }
        let names = metas.iter().copied().chain(view.tools().iter().map(|tool| tool.name.as_str()));
        Err(ErrorData::invalid_params(meta::unknown_tool(&request.name, names), None))
    }

    async fn meta_call(
        &self,
        (gateway, view): &(Arc<Gateway>, Arc<View>),
        request: CallToolRequestParams,
        context: &RequestContext<RoleServer>,
    ) -> CallToolResult {
        let arguments = request.arguments.unwrap_or_default();
        match meta::call(gateway, view, &client(context), &request.name, &arguments) {
            Ok(MetaAnswer::Text(answer)) => text(answer, false),
            Ok(MetaAnswer::Run(run)) => {
                let answer_bytes = run.answer_bytes();
                let Some(report) = follow(run, context, &self.cancellable).await else {
                    // Nobody reads it.
                    return text("the client is gone".to_owned(), true);
                };
                let Answer { text: answer, is_error } = render(&report, answer_bytes);
                let mut result = text(answer, is_error);
                result.meta = Some(usage(&report));
                result
            }
            Err(error) => text(error.to_string(), true),
        }
    }
}

fn text(text: String, is_error: bool) -> CallToolResult {
    let content = vec![ContentBlock::text(text)];
    if is_error { CallToolResult::error(content) } else { CallToolResult::success(content) }
}

/// What the run used, where it costs the model nothing.
fn usage(report: &Report) -> MetaObject {
    let mut meta = MetaObject::default();
    meta.insert(USAGE_KEY.into(), json!(report.usage));
    meta
}

fn meta_tool(tool: &MetaTool) -> Tool {
    let schema: JsonObject = tool.input_schema.as_object().cloned().unwrap_or_default();
    Tool::new(tool.name, tool.description, Arc::new(schema))
}

fn meta_tools(profile: &Profile) -> Vec<Tool> {
    if profile.has_scripts() { meta::definitions().iter().map(meta_tool).collect() } else { Vec::new() }
}

fn is_failed(answer: &CallToolResponse) -> bool {
    matches!(answer, CallToolResponse::Complete(result) if result.is_error == Some(true))
}

impl ServerHandler for Face {
    fn get_info(&self) -> ServerConfig {
        let tools = ServerCapabilities::builder().enable_tools();
        let capabilities = if self.profile().has_direct() {
            tools
                .enable_tool_list_changed()
                .enable_resources()
                .enable_prompts()
                .enable_completions()
                .enable_tasks()
                .build()
        } else {
            tools.build()
        };
        ServerConfig::new(capabilities).with_server_info(Implementation::new("exuvia", env!("CARGO_PKG_VERSION")))
    }

    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        if let Some(changes) = self.changes().await {
            tokio::spawn(changes.tell(context.peer));
        }
    }

    fn accepted_subscription_filter(&self, _requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        self.profile().has_direct().then(|| SubscriptionFilter::builder().tools_list_changed().build())
    }

    async fn listen(&self, listener: SubscriptionContext) -> Result<(), ErrorData> {
        if let Some(changes) = self.changes().await {
            changes.tell_listener(&listener, &self.ending).await;
        }
        Ok(())
    }

    async fn on_cancelled(&self, cancelled: CancelledNotificationParam, context: NotificationContext<RoleServer>) {
        if let Some(request) = cancelled.request_id {
            self.cancellable.cancel(client_with(&context.extensions), request);
        }
    }

    async fn list_tools(
        &self,
        _page: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let span = traced::begin("tools/list", Target::Nothing, &context);
        let tools = async {
            let profile = self.profile();
            let mut tools = meta_tools(&profile);
            // The meta-tools are the same whatever the servers say, so nobody waits for those.
            if profile.has_direct() {
                let (_, view) = self.open().await?;
                tools.extend(view.tools().iter().map(direct::tool));
            }
            Ok(ListToolsResult::with_all_items(tools))
        };
        traced::over(span, tools, |_| false).await
    }

    /// By its schema rmcp checks the headers that repeat arguments (SEP-2243). It asks at each call, so tools without any are
    /// not read.
    fn get_tool(&self, name: &str) -> Option<Tool> {
        let view = self.gateway.now()?.view(self.profile.as_deref())?;
        view.tool(name).filter(|tool| tool.written.as_str().contains(PARAMETER_HEADER)).map(direct::tool)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let span = traced::begin("tools/call", Target::Tool(&request.name), &context);
        let answer = self.tool_call(request, &context);
        traced::over(span, answer, is_failed).await
    }

    async fn list_resources(
        &self,
        _page: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let answer = async {
            let opened = self.open_direct::<ListResourcesRequestMethod>().await?;
            Ok(ListResourcesResult::with_all_items(self.direct(&opened, &context).resources().await))
        };
        traced::answer::<ListResourcesRequestMethod, _>(Target::Nothing, &context, answer).await
    }

    async fn list_resource_templates(
        &self,
        _page: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let answer = async {
            let opened = self.open_direct::<ListResourceTemplatesRequestMethod>().await?;
            Ok(ListResourceTemplatesResult::with_all_items(self.direct(&opened, &context).resource_templates().await))
        };
        traced::answer::<ListResourceTemplatesRequestMethod, _>(Target::Nothing, &context, answer).await
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let uri = request.uri.clone();
        let answer = async {
            let opened = self.open_direct::<ReadResourceRequestMethod>().await?;
            self.direct(&opened, &context).read_resource(request).await
        };
        traced::answer::<ReadResourceRequestMethod, _>(Target::Resource(&uri), &context, answer).await
    }

    async fn list_prompts(
        &self,
        _page: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        let answer = async {
            let opened = self.open_direct::<ListPromptsRequestMethod>().await?;
            Ok(ListPromptsResult::with_all_items(self.direct(&opened, &context).prompts().await))
        };
        traced::answer::<ListPromptsRequestMethod, _>(Target::Nothing, &context, answer).await
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        let name = request.name.clone();
        let answer = async {
            let opened = self.open_direct::<GetPromptRequestMethod>().await?;
            self.direct(&opened, &context).get_prompt(request).await
        };
        traced::answer::<GetPromptRequestMethod, _>(Target::Prompt(&name), &context, answer).await
    }

    async fn get_task(
        &self,
        request: GetTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetTaskResult, ErrorData> {
        let answer = async {
            let opened = self.open_direct::<GetTaskMethod>().await?;
            self.direct(&opened, &context).get_task(&request.task_id, &request).await
        };
        traced::answer::<GetTaskMethod, _>(Target::Nothing, &context, answer).await
    }

    async fn update_task(
        &self,
        request: UpdateTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let answer = async {
            let opened = self.open_direct::<UpdateTaskMethod>().await?;
            self.direct(&opened, &context).update_task(&request.task_id, &request).await
        };
        traced::answer::<UpdateTaskMethod, _>(Target::Nothing, &context, answer).await
    }

    async fn cancel_task(
        &self,
        request: CancelTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let answer = async {
            let opened = self.open_direct::<CancelTaskMethod>().await?;
            self.direct(&opened, &context).cancel_task(&request.task_id, &request).await
        };
        traced::answer::<CancelTaskMethod, _>(Target::Nothing, &context, answer).await
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        let answer = async {
            let opened = self.open_direct::<CompleteRequestMethod>().await?;
            self.direct(&opened, &context).complete(request).await
        };
        traced::answer::<CompleteRequestMethod, _>(Target::Nothing, &context, answer).await
    }
}
