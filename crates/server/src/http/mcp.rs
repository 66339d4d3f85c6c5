//! `/mcp` and `/mcp/{profile}`: the protocol, which is rmcp's, behind bounds, which are ours.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use exuvia_access::Identity;
use exuvia_gateway::Client;
use exuvia_mcp_client::offload;
use exuvia_tool::Principal;
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::HttpConfig;
use super::bodies::{Bodies, BodyError};
use super::drain::Drain;
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
use crate::client::{self, session_of};
use crate::invalid_message::InvalidMessage;
use crate::large_arguments::SplitMessage;
use crate::mcp_handler::McpHandler;
use crate::viewer::Viewer;

/// The header that names the protocol's version. From 2026-07-28 on there are no sessions.
const VERSION: &str = "mcp-protocol-version";
const FIRST_WITHOUT_SESSIONS: &str = "2026-07-28";
/// The longest body of a request that may only open a session.
const OPENING_BYTES: usize = 64 * 1024;

/// How many pairs of a principal and a profile have something open at a time.
const ENDPOINTS: usize = 10_000;
/// How often it is looked for those whose access has ended.
const SWEEP: Duration = Duration::from_millis(500);

const TOO_MANY: &str = "too many sessions, retry\n";

/// Answers clients.
pub(super) struct Mcp {
    gateway: PendingGateway,
    /// Cancelled when the end is asked for.
    ending: CancellationToken,
    protocol: StreamableHttpServerConfig,
    session_idle: Duration,
    /// Created at the first request. An endpoint whose profile was removed from the configuration stays, and
    /// accepts no new requests.
    endpoints: Mutex<HashMap<EndpointKey, Arc<ProfileEndpoint>>>,
    listeners: Arc<SessionStreams>,
    /// The sessions of all endpoints.
    table: Arc<SessionTable>,
    body_bytes: usize,
    bodies: Bodies,
    body_timeout: Duration,
    rejections: Arc<RejectionCounters>,
}

/// A profile, who acts, and the role: what has one of its own has nothing of another's.
type EndpointKey = (Option<String>, Principal, Option<Arc<str>>);

/// The endpoint of one profile for one principal. A session that began at one endpoint is unknown at the others.
struct ProfileEndpoint {
    viewer: Viewer,
    /// Ends what is open at it.
    ending: CancellationToken,
    service: StreamableHttpService<McpHandler, Sessions>,
    sessions: Arc<Sessions>,
    handler: McpHandler,
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
        let mcp = Arc::new(Self {
            table: SessionTable::new(config.sessions, config.session_grace, gateway.clone()),
            gateway,
            ending,
            protocol,
            session_idle: config.session_idle,
            endpoints: Mutex::default(),
            listeners: Arc::default(),
            body_bytes: config.body_bytes,
            bodies: Bodies::new(config.all_bodies_bytes.max(config.body_bytes)),
            body_timeout: config.body_timeout,
            rejections,
        });
        tokio::spawn(sweep(Arc::downgrade(&mcp)));
        mcp
    }

    fn endpoints(&self) -> MutexGuard<'_, HashMap<EndpointKey, Arc<ProfileEndpoint>>> {
        self.endpoints.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What clients have open.
    pub(super) fn open_now(&self) -> OpenNow {
        let questions = self.endpoints().values().map(|endpoint| endpoint.handler.open_questions()).sum();
        OpenNow { sessions: self.table.sessions(), questions }
    }

    /// The endpoint of a profile for whoever asks, if there is such a profile for them.
    ///
    /// # Errors
    ///
    /// There is none: with the answer to that.
    async fn endpoint(
        &self,
        profile: Option<&str>,
        identity: &Arc<Identity>,
    ) -> Result<Arc<ProfileEndpoint>, Response<TrackedBody>> {
        let unknown = || line(StatusCode::NOT_FOUND, "unknown profile; the default MCP endpoint is /mcp\n");
        let Ok(role) = self.gateway.access().role_of(identity) else {
            return Err(later("the access of this key is changing, retry\n"));
        };
        // A role that has a profile has no other, and has it also where none is named.
        let own = self.gateway.access().profile_of(role.as_deref());
        if own.is_some() && profile.is_some() && own.as_deref() != profile {
            return Err(unknown());
        }
        let profile = own.as_deref().or(profile);
        if !self.shows(profile, role.clone()).await {
            return Err(unknown());
        }
        let key = (profile.map(str::to_owned), identity.principal().clone(), role);
        let mut endpoints = self.endpoints();
        if endpoints.len() >= ENDPOINTS && !endpoints.contains_key(&key) {
            endpoints.retain(|_, endpoint| !endpoint.is_idle());
            if endpoints.len() >= ENDPOINTS {
                return Err(later("too many principals at a time, retry\n"));
            }
        }
        let endpoint = endpoints.entry(key).or_insert_with(|| self.open_endpoint(profile, identity));
        endpoint.viewer.renew(identity);
        Ok(Arc::clone(endpoint))
    }

    /// Whether there is such a profile for this role. Makes the view where it is not there yet, which takes processor time.
    async fn shows(&self, profile: Option<&str>, role: Option<Arc<str>>) -> bool {
        let Some(gateway) = self.gateway.now() else { return self.gateway.profiles().get(profile).is_some() };
        if role.is_none() || gateway.has_view(profile, role.as_deref()) {
            return gateway.view_as(profile, role.as_deref()).is_some();
        }
        let profile = profile.map(str::to_owned);
        let made = tokio::task::spawn_blocking(move || gateway.view_as(profile.as_deref(), role.as_deref()).is_some());
        made.await.unwrap_or(false)
    }

    fn open_endpoint(&self, profile: Option<&str>, identity: &Arc<Identity>) -> Arc<ProfileEndpoint> {
        let (viewer, ending) = (Viewer::new(profile, Arc::clone(identity)), self.ending.child_token());
        if let Some(notice) = viewer.notice(&self.gateway) {
            tracing::warn!(principal = %identity.principal(), notice, "a key sees no tools");
        }
        let mistakes = Arc::clone(&self.rejections.mistakes);
        let handler = McpHandler::new(self.gateway.clone(), viewer.clone(), ending.clone(), mistakes);
        let sessions = Sessions::new(&self.table, Arc::clone(identity), self.session_idle);
        Arc::new(ProfileEndpoint::new(handler, viewer, ending, sessions, self.protocol.clone()))
    }

    /// Closes what is open for those who may do nothing any more.
    async fn close_revoked(&self) {
        let access = self.gateway.access();
        let is_over =
            |_: &EndpointKey, endpoint: &mut Arc<ProfileEndpoint>| access.role_of(&endpoint.viewer.identity()).is_err();
        let over: Vec<_> = self.endpoints().extract_if(is_over).collect();
        for ((_, principal, _), endpoint) in over {
            tracing::info!(%principal, "access ended: its sessions and streams are closed");
            endpoint.close().await;
        }
    }

    pub(super) async fn answer(
        &self,
        (profile, identity): (Option<&str>, Arc<Identity>),
        mut head: Parts,
        body: &mut Incoming,
        drain: &Drain,
    ) -> Response<TrackedBody> {
        let endpoint = match self.endpoint(profile, &identity).await {
            Ok(endpoint) => endpoint,
            Err(refusal) => return refusal,
        };
        media::widen(&mut head.headers);
        // What seems to open a session is rejected before it is read. What does is counted where sessions are made.
        let only_opens = would_open_a_session(&head);
        if only_opens && !self.table.has_room() {
            return self.full();
        }
        // A stream of events that a client only listens to is not waited for.
        let open = (head.method == Method::POST).then(|| drain.open());
        if head.method == Method::POST && !endpoint.knows_session(&head).await {
            return line(StatusCode::NOT_FOUND, "unknown session\n");
        }
        let most = if only_opens { OPENING_BYTES.min(self.body_bytes) } else { self.body_bytes };
        let (body, held) = match timeout(self.body_timeout, self.bodies.read(&head.headers, body, most)).await {
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
                let listening = |body| SessionStream::new(body, client, endpoint.handler.clone(), &self.listeners);
                response.map(|body| TrackedBody::new(listening(body), open, held).of_session(session_request))
            }
            _ => response.map(|body| TrackedBody::new(body, open, held).of_session(session_request)),
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

impl ProfileEndpoint {
    fn new(
        handler: McpHandler,
        viewer: Viewer,
        ending: CancellationToken,
        sessions: Sessions,
        protocol: StreamableHttpServerConfig,
    ) -> Self {
        let sessions = Arc::new(sessions);
        let served = handler.clone();
        let service = StreamableHttpService::new(move || Ok(served.clone()), Arc::clone(&sessions), protocol);
        Self { viewer, ending, service, sessions, handler }
    }

    /// Whether nothing is lost with it: it has no session, and no request is being answered.
    fn is_idle(self: &Arc<Self>) -> bool {
        Arc::strong_count(self) == 1 && self.sessions.is_empty() && self.handler.open_questions() == 0
    }

    /// Ends its sessions and streams.
    async fn close(&self) {
        self.ending.cancel();
        self.sessions.close_all().await;
    }

    /// Whether the request names no session, or one of this endpoint. In the modern era the session header is ignored.
    async fn knows_session(&self, head: &Parts) -> bool {
        match session_of(&head.headers).filter(|_| !is_without_sessions(&head.headers)) {
            Some(session) => self.sessions.has(session).await,
            None => true,
        }
    }
}

/// Closes what is open for those whose access has ended, within a second.
async fn sweep(mcp: Weak<Mcp>) {
    loop {
        tokio::time::sleep(SWEEP).await;
        let Some(mcp) = mcp.upgrade() else { return };
        if !mcp.gateway.access().is_open() {
            mcp.close_revoked().await;
        }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn is_without_sessions(headers: &HeaderMap) -> bool {
    text(headers, VERSION).is_some_and(|version| version >= FIRST_WITHOUT_SESSIONS)
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
