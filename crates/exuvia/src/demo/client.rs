//! An MCP client that counts what its model would read.

use std::process::Stdio;

use anyhow::{Context as _, Result};
use rmcp::ServiceExt as _;
use rmcp::model::{CallToolRequestParams, CallToolResult, JsonObject, Tool};
use rmcp::service::{RoleClient, RunningService};
use rmcp::transport::async_rw::AsyncRwTransport;
use serde_json::Value;
use tokio::process::{Child, Command};

/// A child process that serves MCP over stdio, and the connection to it.
pub(super) struct DemoClient {
    service: RunningService<RoleClient, ()>,
    child: Child,
}

impl DemoClient {
    /// Starts this very program with these arguments.
    pub(super) async fn start(arguments: &[String]) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("starting a child process")?;
        let output = child.stdout.take().context("a piped output")?;
        let input = child.stdin.take().context("a piped input")?;
        let service = ().serve(AsyncRwTransport::new_client(output, input)).await?;
        Ok(Self { service, child })
    }

    /// All tools, as the client gets them.
    pub(super) async fn tools(&self) -> Result<Vec<Tool>> {
        Ok(self.service.list_all_tools().await?)
    }

    /// Calls a tool.
    pub(super) async fn call(&self, tool: &str, arguments: &Value) -> Result<CallToolResult> {
        let arguments: JsonObject = arguments.as_object().cloned().unwrap_or_default();
        let request = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments);
        Ok(self.service.call_tool(request).await?)
    }

    /// Ends the connection, and with it the child.
    pub(super) async fn stop(mut self) -> Result<()> {
        self.service.cancel().await?;
        self.child.wait().await?;
        Ok(())
    }
}

/// The text of a result: what reaches the model.
pub(super) fn text(result: &CallToolResult) -> String {
    result.content.iter().filter_map(|block| block.as_text()).map(|block| block.text.as_str()).collect()
}
