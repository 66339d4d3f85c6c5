//! `/mcp` and `/mcp/{profile}`: the protocol, which is rmcp's, behind bounds, which are ours.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use exuvia_access::Identity;
use exuvia_gateway::Client;
use exuvia_mcp_client::offload;
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use rmcp::transport::streamable_http_server::StreamableHttpServerConfig;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::HttpConfig;
use super::bodies::{Bodies, BodyError};
use super::drain::Drain;
use super::endpoints::Endpoints;
use super::exposition::OpenNow;
use super::host::Scheme;
use super::media;
use super::messages;
use super::rejections::RejectionCounters;
use super::session_stream::{SessionStream, SessionStreams};
use super::session_table::SessionTable;
use super::sessions::Sessions;
use super::tracked_body::{TrackedBody, later, line};
use crate::PendingGateway;
use crate::client::{self, is_without_sessions, session_of};
use crate::invalid_message::InvalidMessage;
use crate::large_arguments::SplitMessage;

/// The longest body of a request that may only open a session.
const OPENING_BYTES: usize = 64 * 1024;

const TOO_MANY: &str = "too many sessions, retry\n";

/// Answers clients.
pub(super) struct Mcp {
    gateway: PendingGateway,
    endpoints: Arc<Endpoints>,
    listeners: Arc<SessionStreams>,
    /// The sessions of all endpoints.
    table: Arc<SessionTable>,
    body_bytes: usize,
    bodies: Bodies,
    body_timeout: Duration,
    rejections: Arc<RejectionCounters>,
}

impl Mcp {
    pub(super) fn new(
        gateway: PendingGateway,
        (scheme, address): (Scheme, SocketAddr),
        config: &HttpConfig,
        stop: &CancellationToken,
        ending: CancellationToken,
        rejections: Arc<RejectionCounters>,
    ) -> Arc<Self> {
        let protocol = StreamableHttpServerConfig::default()
            // The host is checked before anything else, with its port.
            .disable_allowed_hosts()
            .with_allowed_origins(own_origins(scheme, address).chain(config.origins.iter().cloned()))
            .with_json_response(true)
            .with_max_request_body_bytes(config.body_bytes)
            .with_cancellation_token(stop.clone());
        let table = SessionTable::new(config.sessions, config.session_grace, gateway.clone());
        let (shared, mistakes) = (Arc::clone(&table), Arc::clone(&rejections.mistakes));
        let endpoints = Endpoints::new(gateway.clone(), ending, protocol, config.session_idle, shared, mistakes);
        Arc::new(Self {
            gateway,
            endpoints,
            table,
            listeners: Arc::default(),
            body_bytes: config.body_bytes,
            bodies: Bodies::new(config.all_bodies_bytes, config.body_bytes),
            body_timeout: config.body_timeout,
            rejections,
        })
    }

    /// What clients have open.
    pub(super) fn open_now(&self) -> OpenNow {
        OpenNow { sessions: self.table.sessions(), questions: self.endpoints.open_questions() }
    }

    pub(super) async fn answer(
        &self,
        (profile, identity): (Option<&str>, Arc<Identity>),
        mut head: Parts,
        body: &mut Incoming,
        drain: &Drain,
    ) -> Response<TrackedBody> {
        let endpoint = match self.endpoints.of(profile, &identity).await {
            Ok(endpoint) => endpoint,
            Err(refusal) => return refusal,
        };
        media::widen(&mut head.headers);
        // What seems to open a session is rejected before it is read. What does is counted where sessions are made.
        let only_opens = would_open_a_session(&head);
        if only_opens && !self.table.has_room(identity.principal()) {
            return self.full();
        }
        // A stream of events that a client only listens to is not waited for.
        let open = (head.method == Method::POST).then(|| drain.open());
        if head.method == Method::POST && !endpoint.knows_session(&head).await {
            return line(StatusCode::NOT_FOUND, "unknown session\n");
        }
        let most = if only_opens { OPENING_BYTES.min(self.body_bytes) } else { self.body_bytes };
        let (body, held) =
            match timeout(self.body_timeout, self.bodies.read(identity.principal(), &head.headers, body, most)).await {
                Ok(Ok(body)) => body,
                Ok(Err(BodyError::TooLarge)) if most < self.body_bytes => {
                    return line(StatusCode::BAD_REQUEST, "a request of this size requires a session\n");
                }
                Ok(Err(unread)) => {
                    if unread == BodyError::NoRoom {
                        self.rejections.bodies.note();
                    }
                    return messages::unread_body(unread);
                }
                Err(_) => return line(StatusCode::REQUEST_TIMEOUT, "request body timed out\n"),
            };
        let is_message = head.method == Method::POST && media::is_json(&head.headers);
        let checked = offload(body.len(), move || match is_message {
            true => messages::checked(body),
            false => Ok((SplitMessage { message: Vec::new(), arguments: None }, None)),
        });
        let (message, explained) = match checked.await {
            Ok((SplitMessage { message, arguments }, explained)) => {
                if let Some(arguments) = arguments {
                    head.extensions.insert(arguments);
                }
                (Bytes::from(message), explained)
            }
            Err(refused) => return messages::answer(refused, &self.rejections),
        };
        let (method, session) = (head.method.clone(), session_of(&head.headers).map(str::to_owned));
        if let Some(session) = session.as_deref().filter(|_| method == Method::DELETE)
            && !endpoint.sessions.has(session).await
        {
            return line(StatusCode::NOT_FOUND, "unknown session\n");
        }
        let session_request = match session.as_deref().filter(|_| !is_without_sessions(&head.headers)) {
            Some(session) if endpoint.sessions.has(session).await => self.table.begin_request(session),
            _ => None,
        };
        // Else it is what is left of the answer to one request.
        let listens = method == Method::GET && !resumes_a_request(&head.headers);
        let handled = endpoint.service.handle(Request::from_parts(head, Full::<Bytes>::new(message)));
        let (response, is_full) = Sessions::noticing_full(Box::pin(handled)).await;
        if is_full {
            return self.full();
        }
        if is_message && response.status() == StatusCode::UNSUPPORTED_MEDIA_TYPE {
            let refusal = explained.unwrap_or_else(|| InvalidMessage::invalid(None, "the message cannot be read"));
            return messages::answer((StatusCode::BAD_REQUEST, Box::new(refusal)), &self.rejections);
        }
        match (method, session) {
            (Method::DELETE, Some(session)) if response.status().is_success() => {
                self.session_ended(&client::of_session(identity, &session))
            }
            (Method::GET, Some(session)) if listens && response.status().is_success() => {
                let client = client::of_session(identity, &session);
                let handler = endpoint.handler.clone();
                let listening = |body| SessionStream::new(body, client, handler, &self.listeners);
                response
                    .map(|body| TrackedBody::new(listening(body), open, held).of_session(session_request).at(endpoint))
            }
            _ => response.map(|body| TrackedBody::new(body, open, held).of_session(session_request).at(endpoint)),
        }
    }

    /// The session limit is reached.
    fn full(&self) -> Response<TrackedBody> {
        self.rejections.sessions.note();
        later(TOO_MANY)
    }

    /// rmcp lets the requests of a deleted session continue for 5 s and answers 202. Nobody waits for those requests, and
    /// clients take 202 for a failure: they are cancelled here, and the answer is 204.
    fn session_ended(&self, client: &Client) -> Response<TrackedBody> {
        if let Some(gateway) = self.gateway.now() {
            gateway.cancel_client(client);
        }
        line(StatusCode::NO_CONTENT, "")
    }
}

fn would_open_a_session(head: &Parts) -> bool {
    head.method == Method::POST && session_of(&head.headers).is_none() && !is_without_sessions(&head.headers)
}

/// Whether a client resumes the stream of one request: rmcp names its events `EVENT/REQUEST`, and others `EVENT`.
fn resumes_a_request(headers: &HeaderMap) -> bool {
    headers.get("last-event-id").is_some_and(|event| event.as_bytes().contains(&b'/'))
}

/// The origins of this server itself. It serves no pages, so a browser page cannot have them.
fn own_origins(scheme: Scheme, address: SocketAddr) -> impl Iterator<Item = String> {
    let port = address.port();
    ["localhost", "127.0.0.1", "[::1]"].into_iter().map(move |host| format!("{scheme}://{host}:{port}"))
}
