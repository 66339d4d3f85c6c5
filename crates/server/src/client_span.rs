//! The name of a client in the log.

use exuvia_text::one_line;
use rmcp::service::{RequestContext, RoleServer};
use tracing::Span;

/// The most that is kept of what a client calls itself, in characters.
const NAME: usize = 80;

/// A span of the log for a request: entries in it carry the name that the client gives itself. The name is untrusted, and nothing
/// is decided by it. Its session or connection stays out: who knows a session has it.
pub(crate) fn span(context: &RequestContext<RoleServer>) -> Span {
    let name = context.client_info().map(|client| format!("{} {}", client.name, client.version));
    tracing::info_span!("client", client.name = one_line(&name.unwrap_or_default(), NAME))
}
