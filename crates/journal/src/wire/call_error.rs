//! Errors of calls as they are written.

use exuvia_tool::{CallError, Exhausted, Json, Quantity};
use serde::{Deserialize, Serialize};

use super::head::malformed;
use crate::JournalError;

/// Why a call gave no value.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum WireCallError {
    UnknownTool(String),
    InvalidArguments(String),
    Denied(String),
    TimedOut(u64),
    ToolFailed {
        message: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        data: Option<String>,
    },
    UpstreamUnavailable(String),
    LimitReached {
        limit: String,
        allowed: u64,
        used: u64,
    },
    /// From version 2 on.
    BudgetExhausted {
        budget: String,
        quantity: Quantity,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after_ms: Option<u64>,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_reserved: bool,
    },
}

impl TryFrom<&CallError> for WireCallError {
    type Error = JournalError;

    fn try_from(error: &CallError) -> Result<Self, JournalError> {
        Ok(match error.clone() {
            CallError::UnknownTool(message) => Self::UnknownTool(message),
            CallError::InvalidArguments(message) => Self::InvalidArguments(message),
            CallError::Denied(message) => Self::Denied(message),
            CallError::TimedOut(ms) => Self::TimedOut(ms),
            CallError::ToolFailed { message, data } => Self::ToolFailed { message, data: data.map(Json::into_string) },
            CallError::UpstreamUnavailable(message) => Self::UpstreamUnavailable(message),
            CallError::LimitReached { limit, allowed, used } => Self::LimitReached { limit, allowed, used },
            CallError::Exhausted(Exhausted { budget, quantity, retry_after_ms, is_reserved }) => {
                Self::BudgetExhausted { budget, quantity, retry_after_ms, is_reserved }
            }
            other => return Err(malformed(format!("the format has no error `{}`", other.code()))),
        })
    }
}

impl WireCallError {
    pub(super) fn read(self) -> Result<CallError, JournalError> {
        Ok(match self {
            Self::UnknownTool(message) => CallError::UnknownTool(message),
            Self::InvalidArguments(message) => CallError::InvalidArguments(message),
            Self::Denied(message) => CallError::Denied(message),
            Self::TimedOut(ms) => CallError::TimedOut(ms),
            Self::ToolFailed { message, data } => {
                CallError::ToolFailed { message, data: data.map(Json::parse).transpose().map_err(malformed)? }
            }
            Self::UpstreamUnavailable(message) => CallError::UpstreamUnavailable(message),
            Self::LimitReached { limit, allowed, used } => CallError::LimitReached { limit, allowed, used },
            Self::BudgetExhausted { budget, quantity, retry_after_ms, is_reserved } => {
                CallError::Exhausted(Exhausted { budget, quantity, retry_after_ms, is_reserved })
            }
        })
    }
}
