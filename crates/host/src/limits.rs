//! The limits that this crate enforces.

use std::time::Duration;

/// The limits that this crate enforces: those on calls and on output. Fuel, memory and time are limits of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallLimits {
    /// Calls in one run. The next one ends the run with [`ToolCallsExhausted`](crate::ToolCallsExhausted).
    pub tool_calls: u64,
    /// Calls that are with the [`ToolHost`](exuvia_tool::ToolHost) at the same time. Further ones wait, first come first served.
    pub concurrent_calls: usize,
    /// How long one call may take, from its turn to its answer. After it the script meets an error that it can catch. The
    /// [`ToolHost`](exuvia_tool::ToolHost) is told the moment and keeps it; one that does not is cut off a second later.
    pub call_timeout: Duration,
    /// The largest arguments of one call, in bytes of JSON. Larger ones are an error that the script can catch.
    pub call_arguments_bytes: usize,
    /// The largest answer of one call, in bytes of JSON. A larger one is an error that the script can catch.
    pub call_result_bytes: usize,
    /// What the host holds for the calls of a run, together, in bytes of JSON: arguments of calls that have no answer yet,
    /// and answers that the script has not taken. A call that would go over it is an error that the script can catch.
    pub buffered_bytes: usize,
    /// The log. What goes over it is dropped and counted.
    pub log_bytes: usize,
}
