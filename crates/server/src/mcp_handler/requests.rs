//! The requests of the protocol, each in a span of its own.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use http::request::Parts;
use rmcp::model::{
    CallToolRequestMethod, CallToolRequestParams, CallToolResponse, CancelTaskMethod, CancelTaskParams,
    CancelledNotificationParam, CompleteRequestMethod, CompleteRequestParams, CompleteResult, ConstString,
    CustomRequest, CustomResult, GetPromptRequestMethod, GetPromptRequestParams, GetPromptResponse,
    GetSkillRequestMethod, GetSkillRequestParams, GetSkillResult, GetTaskMethod, GetTaskParams, GetTaskResult,
    Implementation, ListPromptsRequestMethod, ListPromptsResult, ListResourceTemplatesRequestMethod,
    ListResourceTemplatesResult, ListResourcesRequestMethod, ListResourcesResult, ListSkillsRequestMethod,
    ListSkillsResult, ListToolsRequestMethod, ListToolsResult, PaginatedRequestParams, ReadResourceRequestMethod,
    ReadResourceRequestParams, ReadResourceResponse, ServerCapabilities, ServerConfig, SubscribeRequestMethod,
    SubscribeRequestParams, SubscriptionFilter, Tool, UnsubscribeRequestMethod, UnsubscribeRequestParams,
    UpdateTaskMethod, UpdateTaskParams,
};
use rmcp::service::{NotificationContext, RequestContext, RoleServer, SubscriptionContext};
use rmcp::{ErrorData, ServerHandler};

use super::{McpHandler, functions, invalid_params};
use crate::client::{client, is_modern, notifying_client, of_pipe};
use crate::direct::Page;
use crate::request_span::{self, Target};

/// The most addresses of one `subscriptions/listen` request. The accepted ones are reported.
const LISTENED: usize = 128;

impl ServerHandler for McpHandler {
    fn get_info(&self) -> ServerConfig {
        let tools = ServerCapabilities::builder().enable_tools().enable_tool_list_changed();
        let profile = self.profile();
        let offers_functions = profile.offers_functions();
        let capabilities = if profile.has_direct() {
            let tools = tools.enable_prompts().enable_completions().enable_tasks();
            let resources = tools.enable_resources();
            match (offers_functions, self.offers_subscriptions()) {
                (true, true) => resources.enable_skills().enable_resources_subscribe().build(),
                (true, false) => resources.enable_skills().build(),
                (false, true) => resources.enable_resources_subscribe().build(),
                (false, false) => resources.build(),
            }
        } else if offers_functions {
            tools.enable_resources().enable_skills().build()
        } else if super::has_files(&profile) {
            tools.enable_resources().build()
        } else {
            tools.build()
        };
        let info = Implementation::new("exuvia", env!("CARGO_PKG_VERSION"));
        let config = ServerConfig::new(capabilities).with_server_info(info);
        match self.viewer.notice(&self.gateway) {
            Some(notice) => config.with_instructions(notice),
            None => config,
        }
    }

    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        // Over HTTP a session is notified on the stream on which it listens.
        let is_pipe = context.extensions.get::<Parts>().is_none();
        if !is_pipe || self.is_telling.swap(true, Ordering::Relaxed) {
            return;
        }
        if let Some(changes) = self.changes().await {
            tokio::spawn(changes.notify(context.peer.clone()));
        }
        if let Some(updates) = self.updates(of_pipe()).await {
            tokio::spawn(updates.notify(context.peer));
        }
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        let filter = SubscriptionFilter::builder().tools_list_changed();
        let resources = requested.resource_subscriptions.iter().flatten().take(LISTENED).cloned();
        let resources: BTreeSet<String> = resources.collect();
        let has_none = resources.is_empty() || !self.profile().has_direct();
        let filter = if has_none { filter } else { filter.resource_subscriptions(resources) };
        Some(filter.build())
    }

    async fn listen(&self, listener: SubscriptionContext) -> Result<(), ErrorData> {
        let resources = listener.accepted().resource_subscriptions.as_deref().unwrap_or_default();
        let subscribed = match resources {
            [] => None,
            resources => Some(self.subscribed(&listener, resources).await?),
        };
        let updates = async {
            if let Some((_listener, updates)) = subscribed {
                updates.notify_listener(&listener, &self.ending).await;
            }
        };
        let changes = async {
            if let Some(changes) = self.changes().await {
                changes.notify_listener(&listener, &self.ending).await;
            }
        };
        tokio::join!(updates, changes);
        Ok(())
    }

    async fn on_cancelled(&self, cancelled: CancelledNotificationParam, context: NotificationContext<RoleServer>) {
        if let Some(request) = cancelled.request_id {
            self.detached_runs.cancel(notifying_client(&context), request);
        }
    }

    async fn list_tools(
        &self,
        _page: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tools = async {
            let (tools, meta) = self.tools().await?;
            Ok(ListToolsResult { meta, ..ListToolsResult::with_all_items(tools) })
        };
        request_span::answer::<ListToolsRequestMethod, _>(Target::Nothing, &context, tools).await
    }

    /// By its schema rmcp checks the headers that repeat arguments (SEP-2243). It asks at each call, so tools without any are
    /// not read.
    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.tool_with_headers(name)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let span = request_span::begin(CallToolRequestMethod::VALUE, Target::Tool(&request.name), &context);
        request_span::over(span, Box::pin(self.tool_call(request, &context)), is_failed).await
    }

    async fn list_resources(
        &self,
        page: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let answer = self.resources(page, &context);
        request_span::answer::<ListResourcesRequestMethod, _>(Target::Nothing, &context, Box::pin(answer)).await
    }

    async fn list_resource_templates(
        &self,
        page: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let answer = self.resource_templates(page, &context);
        request_span::answer::<ListResourceTemplatesRequestMethod, _>(Target::Nothing, &context, Box::pin(answer)).await
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let uri = request.uri.clone();
        let answer = self.resource(request, &context);
        request_span::answer::<ReadResourceRequestMethod, _>(Target::Resource(&uri), &context, Box::pin(answer)).await
    }

    async fn list_skills(
        &self,
        _page: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListSkillsResult, ErrorData> {
        let answer = async {
            let (_, view) = self.open_skills::<ListSkillsRequestMethod>().await?;
            Ok(ListSkillsResult::with_all_items(functions::skills(&view)))
        };
        request_span::answer::<ListSkillsRequestMethod, _>(Target::Nothing, &context, answer).await
    }

    async fn get_skill(
        &self,
        request: GetSkillRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetSkillResult, ErrorData> {
        let answer = async {
            let (_, view) = self.open_skills::<GetSkillRequestMethod>().await?;
            Ok(GetSkillResult::new(functions::skill_of(&view, &request.uri)?))
        };
        request_span::answer::<GetSkillRequestMethod, _>(Target::Resource(&request.uri), &context, answer).await
    }

    async fn subscribe(
        &self,
        request: SubscribeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let answer = async {
            let opened = self.open_direct::<SubscribeRequestMethod>().await?;
            self.direct(&opened, &context).subscribe(&client(&context), &request.uri).await
        };
        Box::pin(request_span::answer::<SubscribeRequestMethod, _>(Target::Resource(&request.uri), &context, answer))
            .await
    }

    async fn unsubscribe(
        &self,
        request: UnsubscribeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let answer = async {
            let (gateway, _) = self.open_direct::<UnsubscribeRequestMethod>().await?;
            gateway.unsubscribe(&client(&context), &request.uri);
            Ok(())
        };
        request_span::answer::<UnsubscribeRequestMethod, _>(Target::Resource(&request.uri), &context, answer).await
    }

    async fn list_prompts(
        &self,
        page: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        let answer = async {
            let opened = self.open_direct::<ListPromptsRequestMethod>().await?;
            let Page { items, next, meta } = self.direct(&opened, &context).prompts(page).await?;
            Ok(ListPromptsResult { next_cursor: next, meta, ..ListPromptsResult::with_all_items(items) })
        };
        request_span::answer::<ListPromptsRequestMethod, _>(Target::Nothing, &context, answer).await
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
        request_span::answer::<GetPromptRequestMethod, _>(Target::Prompt(&name), &context, Box::pin(answer)).await
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
        request_span::answer::<GetTaskMethod, _>(Target::Nothing, &context, answer).await
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
        request_span::answer::<UpdateTaskMethod, _>(Target::Nothing, &context, answer).await
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
        request_span::answer::<CancelTaskMethod, _>(Target::Nothing, &context, answer).await
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
        request_span::answer::<CompleteRequestMethod, _>(Target::Nothing, &context, answer).await
    }

    /// What rmcp does not read: a method that it does not know, or one with wrong parameters.
    async fn on_custom_request(
        &self,
        request: CustomRequest,
        context: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        let error =
            invalid_params::answer(&request, (self.profile().has_direct(), self.has_resources()), is_modern(&context));
        self.mistakes.note(&error);
        Err(error)
    }
}

fn is_failed(answer: &CallToolResponse) -> bool {
    matches!(answer, CallToolResponse::Complete(result) if result.is_error == Some(true))
}
