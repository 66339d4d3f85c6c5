//! What a policy says of a tool.

use exuvia_tool::ToolName;

use crate::pattern::Rule;
use crate::source::OnUnlisted;

/// The classification of a tool, for all callers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Classification {
    /// It runs without asking.
    Listed(Rule),
    /// It may be seen; to call it needs more than the policy.
    Unlisted(OnUnlisted),
    /// It may be seen and never called.
    Denied(Rule),
    /// It does not exist for scripts and clients.
    Hidden,
}

impl Classification {
    /// The rule behind it, for the operator. `tool` is the one that stands so.
    #[must_use]
    pub fn why(&self, tool: &ToolName) -> String {
        let ToolName { server, tool } = tool;
        match self {
            Self::Listed(rule) | Self::Denied(rule) => rule.to_string(),
            Self::Unlisted(on_unlisted) => {
                format!("servers.{server}.on_unlisted is {on_unlisted}, and auto_execute has no entry for {tool:?}")
            }
            Self::Hidden => format!("servers.{server}.tools has no entry for {tool:?}"),
        }
    }
}
