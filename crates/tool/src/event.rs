//! Events of a run, and the records of its calls.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{CallId, ToolName};

/// Names one execution of one script: a ULID, unique over restarts and processes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(String);

impl RunId {
    /// The run of this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Names one approval: a ULID, unique over restarts and processes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ApprovalId(String);

impl ApprovalId {
    /// The approval of this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ApprovalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One of the two streams that a script prints to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogStream {
    /// What `print` writes.
    Stdout,
    /// What goes to `sys.stderr`.
    Stderr,
}

/// What happens in a run, in order.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum RunEvent {
    /// The script printed. The text is the part that the log kept.
    Log {
        /// Where it was printed to.
        stream: LogStream,
        /// What was printed.
        text: String,
    },
    /// The script made a call.
    CallStarted {
        /// The call's number.
        id: CallId,
        /// The tool.
        name: ToolName,
    },
    /// A call ended.
    CallEnded(CallRecord),
}

/// One call of a run, as the run's report tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRecord {
    /// The call's number.
    #[serde(skip)]
    pub id: Option<CallId>,
    /// The tool's server.
    pub server: String,
    /// The tool.
    pub tool: String,
    /// What a script writes for it, `crm.get_order`, where somebody has looked it up.
    #[serde(skip)]
    pub python_name: Option<Arc<str>>,
    /// How often it was made again, by the gateway: the outcome is that of the last time.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub retries: u32,
    /// `ok`, the [code](crate::CallError::code) of its error, `cancelled`, or `awaiting-approval`.
    pub outcome: String,
    /// From the call to its answer, in milliseconds, waiting for its turn included.
    pub ms: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl CallRecord {
    /// The tool as a script writes it, or by its own names.
    #[must_use]
    pub fn shown(&self) -> Cow<'_, str> {
        match &self.python_name {
            Some(name) => Cow::Borrowed(name),
            None => Cow::Owned(format!("{}.{}", self.server, self.tool)),
        }
    }
}
