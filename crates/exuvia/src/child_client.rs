//! An MCP client of this very program, started as a child: what a model's client would get.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, Result};
use rmcp::ServiceExt as _;
use rmcp::model::{CallToolRequestParams, CallToolResult, JsonObject, Tool};
use rmcp::service::{RoleClient, RunningService};
use rmcp::transport::async_rw::AsyncRwTransport;
use serde_json::Value;
use tokio::process::{Child, Command};

/// A child process that serves MCP over stdio, and the connection to it.
pub(crate) struct ChildClient {
    service: RunningService<RoleClient, ()>,
    child: Child,
}

impl ChildClient {
    /// Starts this very program with these arguments.
    pub(crate) async fn start(arguments: &[String]) -> Result<Self> {
        Self::spawn(Command::new(std::env::current_exe()?).args(arguments)).await
    }

    /// The same, without its log: what its servers write may hold secrets.
    pub(crate) async fn start_silent(arguments: &[String]) -> Result<Self> {
        Self::spawn(Command::new(std::env::current_exe()?).args(arguments).stderr(Stdio::null())).await
    }

    /// The same, away from the configuration and the data of whoever runs it: `home` has both.
    pub(crate) async fn start_apart(arguments: &[String], home: &Path) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        for variable in ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"] {
            command.env(variable, home);
        }
        Self::spawn(command.args(arguments)).await
    }

    async fn spawn(command: &mut Command) -> Result<Self> {
        let mut child = command
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
    pub(crate) async fn tools(&self) -> Result<Vec<Tool>> {
        Ok(self.service.list_all_tools().await?)
    }

    /// Calls a tool.
    pub(crate) async fn call(&self, tool: &str, arguments: &Value) -> Result<CallToolResult> {
        let arguments: JsonObject = arguments.as_object().cloned().unwrap_or_default();
        let request = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments);
        Ok(self.service.call_tool(request).await?)
    }

    /// Ends the connection, and with it the child.
    pub(crate) async fn stop(mut self) -> Result<()> {
        self.service.cancel().await?;
        self.child.wait().await?;
        Ok(())
    }
}

/// The text of a result: what reaches the model.
pub(crate) fn text(result: &CallToolResult) -> String {
    result.content.iter().filter_map(|block| block.as_text()).map(|block| block.text.as_str()).collect()
}
