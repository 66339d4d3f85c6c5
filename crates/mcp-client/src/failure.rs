//! Why a call got no response, for the script that made it.

use exuvia_tool::{CallError, ToolName};

/// A request that failed without an answer, while the connection stays usable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallFailure {
    what: String,
    taken: bool,
    counts_against_breaker: bool,
    unauthorized: bool,
}

impl CallFailure {
    /// The server, or a proxy before it, rejected the request. `what` completes "server x": it contains no address and no text
    /// of the server.
    pub(crate) fn not_taken(what: impl Into<String>) -> Self {
        Self { what: what.into(), taken: false, counts_against_breaker: false, unauthorized: false }
    }

    /// The server may have acted on the request.
    pub(crate) fn maybe_taken(what: impl Into<String>) -> Self {
        Self { what: what.into(), taken: true, counts_against_breaker: false, unauthorized: false }
    }

    /// The server does not work, rather than that it does not want: its circuit breaker counts it.
    pub(crate) fn against_breaker(self) -> Self {
        Self { counts_against_breaker: true, ..self }
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
    pub fn counts_against_breaker(&self) -> bool {
        self.counts_against_breaker
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
