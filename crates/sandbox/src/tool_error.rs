//! Why a tool gave no value.

use std::error::Error;

use exuvia_tool::{CallError, Json};
use serde::Serialize;

/// Why a tool gave no value: what the script meets as an exception.
///
/// Any error becomes one by `?`, with its own text. The script and the model read that text: keep paths, addresses and secrets out of it.
#[derive(Debug, Clone)]
pub struct ToolError(CallError);

impl ToolError {
    /// The tool failed. The script meets a `ToolError` with this message.
    pub fn new(message: impl Into<String>) -> Self {
        Self(CallError::ToolFailed { message: message.into(), data: None })
    }

    /// The same with data that a script finds in the exception's `data`. What is no JSON is left out, and so is data of anything but a
    /// [failure](Self::new): other errors have none.
    #[must_use]
    pub fn with_data(mut self, data: &impl Serialize) -> Self {
        if let CallError::ToolFailed { data: kept, .. } = &mut self.0 {
            *kept = serde_json::to_string(data).ok().and_then(|text| Json::parse(text).ok());
        }
        self
    }

    /// This script may not make this call. The script meets a `ToolDenied`, a `PermissionError`; uncaught, its run ends as denied.
    pub fn denied(message: impl Into<String>) -> Self {
        Self(CallError::Denied(message.into()))
    }

    /// The arguments are wrong in a way that the schema does not say. The script meets a `TypeError`.
    pub fn invalid_arguments(message: impl Into<String>) -> Self {
        Self(CallError::InvalidArguments(message.into()))
    }

    /// What the tool needs is not there for the moment. The script meets a `ToolUnavailable`.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self(CallError::UpstreamUnavailable(message.into()))
    }

    /// Any error that a call can have, as the contract of the guest names them.
    #[must_use]
    pub fn of(error: CallError) -> Self {
        Self(error)
    }

    pub(crate) fn into_call_error(self) -> CallError {
        self.0
    }
}

impl<E: Error> From<E> for ToolError {
    fn from(error: E) -> Self {
        Self::new(error.to_string())
    }
}
