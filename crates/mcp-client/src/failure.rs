//! Why a call got no response, for the script that made it.

use exuvia_tool::{CallError, ToolName};

/// A request that got no answer, although the connection to its server goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    what: String,
    taken: bool,
    unwell: bool,
    unauthorized: bool,
}

impl Failure {
    /// The server, or what stands before it, did not take the request. `what` completes "server x": it names no address and
    /// holds nothing that the server said.
    pub(crate) fn not_taken(what: impl Into<String>) -> Self {
        Self { what: what.into(), taken: false, unwell: false, unauthorized: false }
    }

    /// The server may have acted on the request.
    pub(crate) fn maybe_taken(what: impl Into<String>) -> Self {
        Self { what: what.into(), taken: true, unwell: false, unauthorized: false }
    }

    /// The server does not work, rather than that it does not want: its circuit breaker counts it.
    pub(crate) fn unwell(self) -> Self {
        Self { unwell: true, ..self }
    }

    /// The server asks for another authorization than the gateway has.
    pub(crate) fn unauthorized(self) -> Self {
        Self { unauthorized: true, ..self }
    }

    /// Whether the server asks for another authorization than the gateway has.
    pub fn is_unauthorized(&self) -> bool {
        self.unauthorized
    }

    /// Whether the server does not work.
    pub fn is_unwell(&self) -> bool {
        self.unwell
    }

    /// The error of the call.
    pub(crate) fn of_call(&self, name: &ToolName) -> CallError {
        let effect = if self.taken {
            format!("whether {name} took effect is unknown")
        } else {
            format!("{name} was not called")
        };
        CallError::UpstreamUnavailable(format!("server {} {}; {effect}", name.server, self.what))
    }
}
