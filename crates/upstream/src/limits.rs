//! Limits on calls.

use std::time::Duration;

/// Bounds on one call.
#[derive(Debug, Clone, Copy)]
pub struct CallLimits {
    /// How long a call may take that brings no [`Deadline`](exuvia_tool::Deadline) of its own, waiting for its turn and for a
    /// restart of its server included. A server's `call_timeout` counts as well, the shorter one wins. At the limit the call
    /// ends as `timed-out`, and the server is sent a cancellation.
    pub timeout: Duration,
    /// The value of the call as JSON text, in bytes. A larger one ends the call as `limit-reached`.
    pub result_bytes: u64,
}
