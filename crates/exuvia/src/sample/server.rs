//! The MCP server around a sample.

use std::sync::Arc;
use std::time::Duration;

use rmcp::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorData, Implementation, JsonObject,
    ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool, ToolAnnotations,
};
use rmcp::service::{RequestContext, RoleServer};
use serde_json::Value;

use super::arguments::Arguments;
use super::record::Record;

/// What a tool gives: structured content, or text alone.
pub(super) enum SampleAnswer {
    /// A value that fits the tool's output schema.
    Structured(Value),
    /// Text, for tools without an output schema.
    Text(String),
    /// An answer after a while.
    Later(Duration, Value),
}

/// A set of tools.
pub(super) trait Sample: Send + Sync + 'static {
    /// The server's name and what it is for.
    fn about(&self) -> (&'static str, &'static str);
    /// Its tools.
    fn tools(&self) -> Vec<Tool>;
    /// Runs a tool.
    ///
    /// # Errors
    ///
    /// What the tool has to complain about.
    fn call(&self, tool: &str, arguments: &Arguments) -> Result<SampleAnswer, String>;
}

/// A read-only tool of these schemas. Both must be objects.
pub(super) fn tool(name: &'static str, description: &'static str, input: Value, output: Option<Value>) -> Tool {
    let object = |schema| match schema {
        Value::Object(schema) => Arc::new(schema),
        _ => Arc::new(JsonObject::new()),
    };
    let tool = Tool::new(name, description, object(input)).with_annotations(ToolAnnotations::new().read_only(true));
    match output {
        Some(output) => tool.with_raw_output_schema(object(output)),
        None => tool,
    }
}

/// A sample server, as MCP clients see it.
pub(super) struct SampleServer {
    sample: Box<dyn Sample>,
    delay: Duration,
    record: Option<Record>,
}

impl SampleServer {
    /// Serves this sample; each call takes at least `delay`.
    pub(super) fn new(sample: Box<dyn Sample>, delay: Duration, record: Option<Record>) -> Self {
        Self { sample, delay, record }
    }
}

impl ServerHandler for SampleServer {
    fn get_info(&self) -> ServerConfig {
        let (name, instructions) = self.sample.about();
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new(name, env!("CARGO_PKG_VERSION")))
            .with_instructions(instructions)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(self.sample.tools()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        if !self.delay.is_zero() {
            tokio::time::sleep(self.delay).await;
        }
        let arguments = Arguments(request.arguments.unwrap_or_default());
        let result = match self.sample.call(&request.name, &arguments) {
            Ok(SampleAnswer::Structured(value)) => CallToolResult::structured(value),
            Ok(SampleAnswer::Text(text)) => CallToolResult::success(vec![ContentBlock::text(text)]),
            Ok(SampleAnswer::Later(wait, value)) => {
                tokio::time::sleep(wait).await;
                CallToolResult::structured(value)
            }
            Err(message) => CallToolResult::error(vec![ContentBlock::text(message)]),
        };
        if let Some(record) = &self.record {
            record.add(&request.name, arguments.0, &result);
        }
        Ok(result.into())
    }
}
