//! One server of a suite of tasks: recorded tools, and answers of realistic sizes.

use std::path::Path;

use anyhow::{Context as _, Result};
use exuvia_runtime::{Engine, EngineConfig};
use exuvia_suite::tokens::{Fixture, FixtureAnswer};
use rmcp::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorData, Implementation, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::{RequestContext, RoleServer};
use serde_json::Value;

use super::record::Record;

/// Answers are made by scripts: a few at a time.
const RUNS: u32 = 4;

/// A server of a suite, as MCP clients see it.
pub(super) struct SuiteServer {
    fixture: Fixture,
    tools: Vec<Tool>,
    record: Option<Record>,
}

impl SuiteServer {
    pub(super) async fn read(
        name: &str,
        answers: &Path,
        catalog: Option<&Path>,
        record: Option<Record>,
    ) -> Result<Self> {
        let engine = Engine::new(&EngineConfig { concurrent_runs: RUNS, ..EngineConfig::default() })?;
        let fixture = Fixture::read(&engine, name, answers, catalog).await?;
        let tool = |tool: &Value| serde_json::from_value(tool.clone()).with_context(|| tool["name"].to_string());
        let tools = fixture.tools().iter().map(tool).collect::<Result<_>>()?;
        Ok(Self { fixture, tools, record })
    }
}

impl ServerHandler for SuiteServer {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("suite", env!("CARGO_PKG_VERSION")))
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(self.tools.clone()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = request.arguments.unwrap_or_default();
        let answer = self.fixture.call(&request.name, &arguments).await;
        let FixtureAnswer { text, structured, is_error, .. } =
            answer.map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
        let content = vec![ContentBlock::text(text)];
        let result = match structured {
            _ if is_error => CallToolResult::error(content),
            None => CallToolResult::success(content),
            Some(value) => {
                let mut result = CallToolResult::structured(Value::Object(value));
                result.content = content;
                result
            }
        };
        if let Some(record) = &self.record {
            record.add(&request.name, arguments, &result);
        }
        Ok(result.into())
    }
}
