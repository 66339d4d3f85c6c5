//! The identity of a client, and what it says of itself.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use exuvia_access::Identity;
use exuvia_access::budget::{BUDGET_KEY, RequestBudget};
use exuvia_gateway::Client;
use exuvia_journal::ClientClaims;
use exuvia_text::cut;
use exuvia_tool::Principal;
use http::HeaderMap;
use http::request::Parts;
use rmcp::ErrorData;
use rmcp::model::ProtocolVersion;
use rmcp::service::{NotificationContext, RequestContext, RoleServer};

/// The header that names a session of a client up to 2025-11-25.
const SESSION: &str = "mcp-session-id";

/// The header that names the protocol's version. From 2026-07-28 on there are no sessions.
const VERSION: &str = "mcp-protocol-version";
const FIRST_WITHOUT_SESSIONS: &str = "2026-07-28";

/// The key in `_meta` under which a client may say which model wrote the script.
const MODEL_KEY: &str = "exuvia/model";
/// The header for the same.
const MODEL_HEADER: &str = "exuvia-model";
/// The most that is kept of each thing that a client says of itself, in characters.
const CLAIM: usize = 200;

/// Where a request comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    /// The number of the connection. A port is given again: who gets it next is another client.
    connection: u64,
}

impl Peer {
    /// The other end of a new connection.
    pub(crate) fn new(address: SocketAddr) -> Self {
        static CONNECTIONS: AtomicU64 = AtomicU64::new(0);
        Self { address, connection: CONNECTIONS.fetch_add(1, Ordering::Relaxed) }
    }

    /// The client at this end that acts for this identity, where it has no session.
    pub(crate) fn client(&self, identity: Arc<Identity>) -> Client {
        acting(identity, &format!("connection {}", self.connection))
    }
}

/// Whether the request is of the modern era: without a session, and nothing is asked in the middle of it.
pub(crate) fn is_modern(context: &RequestContext<RoleServer>) -> bool {
    context.protocol_version().is_some_and(|version| version.as_str() >= ProtocolVersion::V_2026_07_28.as_str())
}

/// Who asks: over HTTP a session or a connection, else the one client there is.
pub(crate) fn client(context: &RequestContext<RoleServer>) -> Client {
    let Some(head) = context.extensions.get::<Parts>() else { return of_pipe() };
    // In the modern era the session header is not validated: a client could send a new name with each request and count as a
    // new client each time.
    let session = session_of(&head.headers).filter(|_| !is_modern(context));
    session.map_or_else(|| of_connection(head), |session| of_session(identity_of(head), session))
}

/// The same, within the budget that it sets for this request.
///
/// # Errors
///
/// What it sent is none.
pub(crate) fn spending_client(context: &RequestContext<RoleServer>) -> Result<Client, ErrorData> {
    Ok(client(context).within(request_budget(context)?))
}

fn request_budget(context: &RequestContext<RoleServer>) -> Result<Option<Arc<RequestBudget>>, ErrorData> {
    let budget = context.meta.get(BUDGET_KEY).map(RequestBudget::parse).transpose();
    budget.map(|budget| budget.map(Arc::new)).map_err(|message| ErrorData::invalid_params(message, None))
}

/// The same, with what it says of itself in this request.
///
/// # Errors
///
/// As [`spending_client`].
pub(crate) fn claiming_client(context: &RequestContext<RoleServer>) -> Result<Client, ErrorData> {
    let claim = |text: &str| cut(text, CLAIM);
    let info = context.client_info();
    let headers = context.extensions.get::<Parts>().map(|head| &head.headers);
    let header = || headers.and_then(|headers| headers.get(MODEL_HEADER)?.to_str().ok());
    let claims = ClientClaims {
        name: info.as_ref().map(|info| claim(&info.name)),
        version: info.as_ref().map(|info| claim(&info.version)),
        request_id: Some(claim(&context.id.to_string())),
        model: context.meta.get(MODEL_KEY).and_then(|model| model.as_str()).or_else(header).map(claim),
    };
    Ok(spending_client(context)?.claiming(claims))
}

/// The sender of a notification. Over HTTP it is a session that rmcp has found.
pub(crate) fn notifying_client(context: &NotificationContext<RoleServer>) -> Client {
    let Some(head) = context.extensions.get::<Parts>() else { return of_pipe() };
    session_of(&head.headers).map_or_else(|| of_connection(head), |session| of_session(identity_of(head), session))
}

/// The session that a request names. Whether there is one of this name is for others to say.
pub(crate) fn session_of(headers: &HeaderMap) -> Option<&str> {
    headers.get(SESSION)?.to_str().ok()
}

/// Whether a request is of an era without sessions, by its headers.
pub(crate) fn is_without_sessions(headers: &HeaderMap) -> bool {
    let version = headers.get(VERSION).and_then(|value| value.to_str().ok());
    version.is_some_and(|version| version >= FIRST_WITHOUT_SESSIONS)
}

/// The client whose session this is. What a client writes there is never the name of another one's connection.
pub(crate) fn of_session(identity: Arc<Identity>, session: &str) -> Client {
    acting(identity, &format!("session {session}"))
}

/// Who sends a request, as it was authenticated. Without that: nobody who may do anything.
pub(crate) fn identity_of(head: &Parts) -> Arc<Identity> {
    head.extensions.get::<Arc<Identity>>().cloned().unwrap_or_else(Identity::nobody)
}

fn of_connection(head: &Parts) -> Client {
    let identity = identity_of(head);
    match head.extensions.get::<Peer>() {
        Some(peer) => peer.client(identity),
        None => acting(identity, "connection"),
    }
}

/// The one client at the other end of a pipe.
pub(crate) fn of_pipe() -> Client {
    acting(Identity::operator(), "stdio")
}

/// A client of this name that acts for this identity. The principal is a part of the name: whoever shares a connection with another one is
/// another client to servers as well.
pub(crate) fn acting(identity: Arc<Identity>, name: &str) -> Client {
    match identity.principal() {
        Principal::Operator => Client::of(identity, name),
        principal => {
            let name = format!("{name} {principal}");
            Client::of(identity, &name)
        }
    }
}
