//! Events of a run, and the records of its calls.

use std::fmt;

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
    /// `ok`, the [code](crate::CallError::code) of its error, `cancelled`, or `awaiting-approval`.
    pub outcome: String,
    /// From the call to its answer, in milliseconds, waiting for its turn included.
    pub ms: u64,
}
