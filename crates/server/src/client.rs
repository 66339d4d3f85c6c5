//! Who asks.

use std::net::SocketAddr;

use exuvia_gateway::Client;
use http::request::Parts;
use rmcp::model::Extensions;
use rmcp::service::{RequestContext, RoleServer};

/// The header that names a session of a client up to 2025-11-25.
pub(crate) const SESSION: &str = "mcp-session-id";

/// Where a request comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// Who asks: over HTTP a session or a connection, else the one client there is.
pub(crate) fn client(context: &RequestContext<RoleServer>) -> Client {
    client_with(&context.extensions)
}

/// The same of a message.
pub(crate) fn client_with(extensions: &Extensions) -> Client {
    extensions.get::<Parts>().map_or_else(|| Client::new("stdio"), client_of)
}

/// Who sends a request: its session, where it has one, or else its connection.
pub(crate) fn client_of(head: &Parts) -> Client {
    match head.headers.get(SESSION).and_then(|session| session.to_str().ok()) {
        // What a client writes there is never the name of another one's connection.
        Some(session) => Client::new(&format!("session {session}")),
        None => {
            let peer = head.extensions.get::<Peer>().map(|peer| peer.0.to_string());
            Client::new(&format!("peer {}", peer.unwrap_or_default()))
        }
    }
}
