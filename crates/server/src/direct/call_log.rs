//! The log entry of each direct call.

use std::time::Instant;

use exuvia_mcp_client::ResultKind;
use exuvia_tool::ToolName;

use super::in_flight::End;

/// A call in flight. Logged when dropped, also when its client has disconnected.
pub(super) struct LoggedCall<'a> {
    tool: &'a ToolName,
    begun: Instant,
    pub(super) outcome: &'static str,
}

impl<'a> LoggedCall<'a> {
    pub(super) fn of(tool: &'a ToolName) -> Self {
        Self { tool, begun: Instant::now(), outcome: "cancelled" }
    }
}

impl Drop for LoggedCall<'_> {
    fn drop(&mut self) {
        let ms = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(tool.name = %self.tool, outcome = self.outcome, duration.ms = ms, "call ended");
    }
}

impl End {
    /// As the record and the counts have it.
    pub(super) fn outcome(&self) -> &'static str {
        match self {
            Self::Result(ResultKind::Failed, _) => "tool-failed",
            Self::Result(ResultKind::AsksForInput, _) | Self::Asks(_) => "asks-for-input",
            Self::Result(..) => "ok",
            Self::Other(answer) => answer.code(),
            Self::Nothing(_) => "cancelled",
        }
    }
}
