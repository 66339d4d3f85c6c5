//! One tool call and its outcome.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{ApprovalId, Arguments, Exhausted, Json};

/// A tool, by its own name and its server's: what is authorized, recorded and sent, never the Python spelling.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ToolName {
    /// The server's name in the configuration.
    pub server: String,
    /// The name that the server gave the tool.
    pub tool: String,
}

impl ToolName {
    /// Names a tool of a server.
    pub fn new(server: impl Into<String>, tool: impl Into<String>) -> Self {
        Self { server: server.into(), tool: tool.into() }
    }
}

impl fmt::Display for ToolName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.server, self.tool)
    }
}

/// The number of a call in its run, counted from 1 in the order in which the script made its calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CallId(pub u64);

/// One call as the script made it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ToolCall {
    /// Which call of the run this is.
    pub id: CallId,
    /// The tool, in the server's own spelling. The guest chose both strings: nothing is known of them yet.
    pub name: ToolName,
    /// What the script sent: one JSON value, not yet known to be an object or to fit the tool's schema.
    pub arguments: Arguments,
    /// The line of the script that made it, counted from 1, as the guest says: for display, never trusted. None: a client's own
    /// call, or nobody said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}

/// What came of a call.
pub type ToolOutcome = Result<Json, CallError>;

/// Why a call gave no value.
///
/// Each message is written for the script's author: it names the tool and what to do, and holds no path, address or
/// secret of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum CallError {
    /// No visible server or tool has this name.
    UnknownTool(String),
    /// The arguments do not fit the tool's schema.
    InvalidArguments(String),
    /// The run may not make this call.
    Denied(String),
    /// No answer came within this many milliseconds.
    TimedOut(u64),
    /// The tool was reached and reported a failure.
    ToolFailed {
        /// What the tool said, as text.
        message: String,
        /// What the tool said beyond text.
        data: Option<Json>,
    },
    /// The server could not be reached, broke off, or answered with something that is no answer.
    UpstreamUnavailable(String),
    /// The call does not fit a limit that only stops this call.
    LimitReached {
        /// The limit's name.
        limit: String,
        /// What it allows, in the unit that its name ends in.
        allowed: u64,
        /// What this call would have used, in the same unit.
        used: u64,
    },
    /// A budget of whoever acts has not enough left for the call.
    Exhausted(Exhausted),
}

impl CallError {
    /// The stable name of the case: what reports, records and tests compare.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownTool(_) => "unknown-tool",
            Self::InvalidArguments(_) => "invalid-arguments",
            Self::Denied(_) => "denied",
            Self::TimedOut(_) => "timed-out",
            Self::ToolFailed { .. } => "tool-failed",
            Self::UpstreamUnavailable(_) => "upstream-unavailable",
            Self::LimitReached { .. } => "limit-reached",
            Self::Exhausted(_) => "budget-exhausted",
        }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownTool(message)
            | Self::InvalidArguments(message)
            | Self::Denied(message)
            | Self::UpstreamUnavailable(message)
            | Self::ToolFailed { message, .. } => f.write_str(message),
            Self::TimedOut(ms) => {
                write!(f, "no answer within {ms} ms; raise `call_timeout_ms` in [limits] or of the server")
            }
            Self::LimitReached { limit, allowed, used } => {
                write!(f, "{limit} is {allowed}, this call would use {used}")
            }
            Self::Exhausted(exhausted) => write!(f, "not called: {exhausted}"),
        }
    }
}

impl std::error::Error for CallError {}

/// A call that waits for somebody's approval, or a tool that a script needs and that waits before the script starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldCall {
    /// The call's number; none before the script starts.
    pub id: Option<CallId>,
    /// The tool.
    pub name: ToolName,
    /// What would be sent; none before the script starts.
    pub arguments: Option<Json>,
    /// The line of configuration that would let the call run without asking.
    pub allow: String,
    /// What was asked about it. None: nobody is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<HeldApproval>,
}

/// The approval that a call waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldApproval {
    /// Its id.
    pub id: ApprovalId,
    /// The line of the script that made the call, counted from 1, as the guest says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// Where it is answered. None: by command alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}
