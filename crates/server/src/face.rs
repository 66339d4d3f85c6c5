//! The four meta-tools as an MCP server.

use std::future::Future;
use std::sync::Arc;

use exuvia_gateway::answer::{Answer, render};
use exuvia_gateway::meta::{self, MetaAnswer, MetaTool};
use exuvia_gateway::{Gateway, RunHandle};
use exuvia_runtime::Report;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation, JsonObject, ListToolsResult,
    MetaObject, PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::{RequestContext, RoleServer};
use rmcp::{ErrorData, ServerHandler};
use serde_json::json;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// The key under which an answer's `_meta` tells what the run used.
const USAGE_KEY: &str = "exuvia/usage";

/// A gateway that may still be starting.
#[derive(Clone)]
pub struct PendingGateway {
    ready: watch::Receiver<Option<Arc<Gateway>>>,
}

impl PendingGateway {
    /// The gateway that `start` will give. It is started on the current tokio runtime, whether somebody waits or not.
    pub fn start(start: impl Future<Output = Arc<Gateway>> + Send + 'static) -> Self {
        let (sender, ready) = watch::channel(None);
        tokio::spawn(async move {
            // The receivers are gone when the client left before the start was over.
            let _ = sender.send(Some(start.await));
        });
        Self { ready }
    }

    /// Waits for it. None: its start was given up.
    pub async fn get(&self) -> Option<Arc<Gateway>> {
        let mut ready = self.ready.clone();
        let gateway = ready.wait_for(Option::is_some).await.ok()?;
        gateway.clone()
    }
}

/// Answers a client.
#[derive(Clone)]
pub(crate) struct Face {
    gateway: PendingGateway,
}

impl Face {
    pub(crate) fn new(gateway: PendingGateway) -> Self {
        Self { gateway }
    }

    async fn answer(&self, request: CallToolRequestParams, cancelled: CancellationToken) -> CallToolResult {
        let Some(gateway) = self.gateway.get().await else {
            return text("the gateway is shutting down".into(), true);
        };
        let arguments = request.arguments.unwrap_or_default();
        match meta::call(&gateway, &request.name, &arguments) {
            Ok(MetaAnswer::Text(answer)) => text(answer, false),
            Ok(MetaAnswer::Run(run)) => {
                let report = follow(run, cancelled).await;
                let Answer { text: answer, is_error } = render(&report, gateway.answer_bytes());
                let mut result = text(answer, is_error);
                result.meta = Some(usage(&report));
                result
            }
            Err(error) => text(error.to_string(), true),
        }
    }
}

/// Follows a run to its end. Only this task, the one of the client's request, talks to the client.
async fn follow(mut run: RunHandle, cancelled: CancellationToken) -> Report {
    let cancellation = run.cancellation();
    loop {
        tokio::select! {
            event = run.events.recv() => if event.is_none() { break },
            () = cancelled.cancelled(), if !cancellation.is_cancelled() => cancellation.cancel(),
        }
    }
    run.report().await
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

fn tool(tool: &MetaTool) -> Tool {
    let schema: JsonObject = tool.input_schema.as_object().cloned().unwrap_or_default();
    Tool::new(tool.name, tool.description, Arc::new(schema))
}

impl ServerHandler for Face {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("exuvia", env!("CARGO_PKG_VERSION")))
    }

    async fn list_tools(
        &self,
        _page: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(meta::definitions().iter().map(tool).collect()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        Ok(self.answer(request, context.ct).await.into())
    }
}
