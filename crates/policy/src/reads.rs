//! Requests of clients to direct servers other than tool calls.

/// The requests of a client that are decided on like calls, by the names that lists know them under: `SERVER.resources/read`
/// stands in a list as a tool would. No tool has such a name.
pub const READS: [&str; 7] = [
    "resources/read",
    "prompts/get",
    "completion/complete",
    "tasks/get",
    "tasks/update",
    "tasks/cancel",
    "resources/subscribe",
];

/// Whether this is the name of such a request.
#[must_use]
pub fn is_read(name: &str) -> bool {
    READS.contains(&name)
}
