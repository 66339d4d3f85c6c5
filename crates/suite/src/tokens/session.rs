//! The gateway that a suite is played against.

use exuvia_tool::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::SuiteError;

/// What a meta-tool answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What the model reads.
    pub text: String,
    /// Whether it is an error.
    pub is_error: bool,
}

/// One call that reached a server of the suite, and what it answered: what a model without code mode would write and read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServerCall {
    /// The server.
    pub server: String,
    /// The tool, by the server's name for it.
    pub tool: String,
    /// Its arguments.
    pub arguments: Map<String, Value>,
    /// The text of its answer.
    pub text: String,
}

/// A client of the real gateway, whose servers are those of one round.
pub trait Session: Send {
    /// The tools that the model is given, as `tools/list` has them.
    fn tools(&self) -> &[Value];

    /// Calls one of them.
    ///
    /// # Errors
    ///
    /// The connection is lost.
    fn call<'a>(&'a mut self, tool: &'a str, arguments: &'a Value) -> BoxFuture<'a, Result<Answer, SuiteError>>;

    /// The calls that reached servers since this was last asked, in order.
    ///
    /// # Errors
    ///
    /// They cannot be read.
    fn server_calls(&mut self) -> Result<Vec<ServerCall>, SuiteError>;
}
