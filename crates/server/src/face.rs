//! The four meta-tools as an MCP server.

use std::sync::Arc;

use exuvia_gateway::Client;
use exuvia_gateway::answer::{Answer, render};
use exuvia_gateway::meta::{self, MetaAnswer, MetaTool};
use exuvia_runtime::Report;
use http::request::Parts;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation, JsonObject, ListToolsResult,
    MetaObject, PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::{RequestContext, RoleServer};
use rmcp::{ErrorData, ServerHandler};
use serde_json::json;

use crate::PendingGateway;
use crate::client::client_of;
use crate::follow::follow;

/// The key under which an answer's `_meta` tells what the run used.
const USAGE_KEY: &str = "exuvia/usage";

/// Answers a client.
#[derive(Clone)]
pub(crate) struct Face {
    gateway: PendingGateway,
}

impl Face {
    pub(crate) fn new(gateway: PendingGateway) -> Self {
        Self { gateway }
    }

    async fn answer(&self, request: CallToolRequestParams, context: &RequestContext<RoleServer>) -> CallToolResult {
        let Some(gateway) = self.gateway.get().await else {
            return text("the gateway is shutting down".into(), true);
        };
        let arguments = request.arguments.unwrap_or_default();
        match meta::call(&gateway, &client(context), &request.name, &arguments) {
            Ok(MetaAnswer::Text(answer)) => text(answer, false),
            Ok(MetaAnswer::Run(run)) => {
                let answer_bytes = run.answer_bytes();
                let report = follow(run, context).await;
                let Answer { text: answer, is_error } = render(&report, answer_bytes);
                let mut result = text(answer, is_error);
                result.meta = Some(usage(&report));
                result
            }
            Err(error) => text(error.to_string(), true),
        }
    }
}

/// Who asks: over HTTP a session or a connection, else the one client there is.
fn client(context: &RequestContext<RoleServer>) -> Client {
    context.extensions.get::<Parts>().map_or_else(|| Client::new("stdio"), client_of)
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
        Ok(self.answer(request, &context).await.into())
    }
}
