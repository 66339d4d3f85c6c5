//! `/mcp`: the protocol, which is rmcp's, behind bounds, which are ours.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use rmcp::transport::streamable_http_server::session::local::{LocalSessionManager, SessionConfig};
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::HttpConfig;
use super::answered::{Answered, later, line};
use super::drain::Drain;
use super::host::Scheme;
use crate::PendingGateway;
use crate::client::SESSION;
use crate::face::Face;

/// The header that names the protocol's version. From 2026-07-28 on there are no sessions.
const VERSION: &str = "mcp-protocol-version";
const FIRST_WITHOUT_SESSIONS: &str = "2026-07-28";

/// Answers clients.
pub(super) struct Mcp {
    service: StreamableHttpService<Face, LocalSessionManager>,
    sessions: Arc<LocalSessionManager>,
    most_sessions: usize,
    body_bytes: usize,
    body_timeout: Duration,
}

impl Mcp {
    pub(super) fn new(
        gateway: PendingGateway,
        address: SocketAddr,
        config: &HttpConfig,
        stop: &CancellationToken,
    ) -> Self {
        let mut session_config = SessionConfig::default();
        session_config.keep_alive = Some(config.session_idle);
        let mut sessions = LocalSessionManager::default();
        sessions.session_config = session_config;
        let sessions = Arc::new(sessions);
        let protocol = StreamableHttpServerConfig::default()
            // The host is checked before anything else, with its port.
            .disable_allowed_hosts()
            .with_allowed_origins(own_origins(config.scheme(), address).chain(config.origins.iter().cloned()))
            .with_json_response(true)
            .with_max_request_body_bytes(config.body_bytes)
            .with_cancellation_token(stop.clone());
        let face = move || Ok(Face::new(gateway.clone()));
        let service = StreamableHttpService::new(face, Arc::clone(&sessions), protocol);
        let (most_sessions, body_bytes, body_timeout) = (config.sessions, config.body_bytes, config.body_timeout);
        Self { service, sessions, most_sessions, body_bytes, body_timeout }
    }

    pub(super) async fn answer(&self, request: Request<Incoming>, drain: &Drain) -> Response<Answered> {
        if self.would_open_a_session(&request) && self.sessions.sessions.read().await.len() >= self.most_sessions {
            return later("too many sessions, retry\n");
        }
        // A stream of events that a client only listens to is not waited for.
        let open = (request.method() == Method::POST).then(|| drain.open());
        let (head, body) = request.into_parts();
        let body = match timeout(self.body_timeout, Limited::new(body, self.body_bytes).collect()).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(error)) if error.is::<LengthLimitError>() => {
                return line(StatusCode::PAYLOAD_TOO_LARGE, "the request is too large\n");
            }
            Ok(Err(_)) => return line(StatusCode::BAD_REQUEST, "the request broke off\n"),
            Err(_) => return line(StatusCode::REQUEST_TIMEOUT, "the request took too long to arrive\n"),
        };
        let response = self.service.handle(Request::from_parts(head, Full::<Bytes>::new(body))).await;
        response.map(|body| Answered::new(body, open))
    }

    fn would_open_a_session(&self, request: &Request<Incoming>) -> bool {
        let headers = request.headers();
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let is_without = text(VERSION).is_some_and(|version| version >= FIRST_WITHOUT_SESSIONS);
        request.method() == Method::POST && text(SESSION).is_none() && !is_without
    }
}

/// The origins of this server itself. It has no pages; whoever says one of these is no page of elsewhere.
fn own_origins(scheme: Scheme, address: SocketAddr) -> impl Iterator<Item = String> {
    let port = address.port();
    ["localhost", "127.0.0.1", "[::1]"].into_iter().map(move |host| format!("{scheme}://{host}:{port}"))
}
