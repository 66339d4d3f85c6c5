//! Limits on servers.

use serde::Serialize;

/// Bounds on what servers may send and on what is asked of one at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct UpstreamLimits {
    /// The longest message of a server, in bytes: a line over stdio, a JSON body or the data of one event over HTTP. A longer
    /// answer ends its call as `limit-reached`; one that goes on and on ends its connection. JSON in JSON is escaped, so this
    /// should be twice the largest `call_result_bytes`. 128 MiB.
    pub message_bytes: usize,
    /// Calls over one connection at a time. Further calls wait in the order of their arrival, within their timeouts. 128.
    pub calls_in_flight: usize,
    /// Connections to one server that belong to keys, to roles with a credential, to runs, or to clients that it asks; as many
    /// again may be closing. When there is none left, that of the key, role or client which has been idle longest is closed, a
    /// client's after 2 minutes in any case; where all are in use, or belong to runs, a call ends as `limit-reached`. One key or
    /// user has half of them at most, and room is made among its own. The one connection that everybody shares, and over which
    /// tools are listed, does not count. 64.
    pub connections: usize,
    /// How long the connection of a key or role stays open with nothing to do, in milliseconds. Subscriptions to its resources keep it
    /// open. 10 minutes.
    pub key_idle_ms: u64,
    /// Tools of one server; further ones are left out with a warning. 10,000.
    pub tools: usize,
    /// Pages of one tool list; what follows is left out with a warning. 1,000.
    pub list_pages: usize,
    /// All pages of one tool list together, in bytes, and half of the memory that its tools take as trees, which is many times
    /// their text; what follows is left out with a warning. 64 MiB. A single tool may take 4 MiB as a tree.
    pub list_bytes: usize,
}

impl Default for UpstreamLimits {
    fn default() -> Self {
        Self {
            message_bytes: 128 << 20,
            calls_in_flight: 128,
            connections: 64,
            key_idle_ms: 600_000,
            tools: 10_000,
            list_pages: 1_000,
            list_bytes: 64 << 20,
        }
    }
}
