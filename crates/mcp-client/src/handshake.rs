//! The start of a connection: which transport, which era.

use std::sync::Arc;

use exuvia_config::{Era, Http, HttpProtocol, ServerConfig, Stdio, Transport, UpstreamLimits};
use exuvia_oauth::Authorization;
use exuvia_tool::Absence;
use http::StatusCode;
use rmcp::model::{ClientConfig, Implementation, ProtocolVersion};
use rmcp::service::{ClientInitializeError, ClientLifecycleMode, ClientServiceExt, RoleClient, RunningService};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::blocks::cut;
use crate::connection::{Connection, Dialect};
use crate::exchange::Exchange;
use crate::http::{HttpClient, HttpErrorKind, connect_sse, streamable};
use crate::ids::FromOne;
use crate::list_changes::listen;
use crate::message::Source;
use crate::notifications::{NotificationListeners, ResourceListener};
use crate::reader::Reader;
use crate::relay::Abilities;
use crate::stdio::{Process, Reaper, ServerLog, StdioTransport};
use crate::transport_handle::TransportHandle;

/// Why a server did not start, for the operator.
#[derive(Debug)]
pub struct ConnectError {
    /// What happened: may hold the command, an address, and the end of stderr.
    pub message: String,
    /// For all audiences. Whether a login helps against missing authorization is decided by the owner of the configuration.
    pub why: Absence,
    next: Next,
}

/// What is worth a try after that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Nothing,
    /// The handshake of the legacy era.
    Initialize,
    /// HTTP+SSE.
    Sse,
}

/// What all attempts to open one connection share.
struct Connector<'a> {
    config: &'a ServerConfig,
    limits: UpstreamLimits,
    reaper: &'a Arc<Reaper>,
    authorization: &'a Arc<dyn Authorization>,
    resources: Arc<dyn ResourceListener>,
    log: &'a Arc<ServerLog>,
}

impl Connection {
    /// Starts or reaches a server and greets it: as it is known to speak, else by finding out. What a process of it writes to standard error
    /// goes to `log`.
    pub async fn open(
        config: &ServerConfig,
        limits: UpstreamLimits,
        reaper: &Arc<Reaper>,
        authorization: &Arc<dyn Authorization>,
        resources: Arc<dyn ResourceListener>,
        known: Option<Dialect>,
        log: &Arc<ServerLog>,
    ) -> Result<Self, ConnectError> {
        let opening = Connector { config, limits, reaper, authorization, resources, log };
        let opened = match &config.transport {
            Transport::Stdio(stdio) => opening.stdio(stdio, known).await,
            Transport::Http(http) => opening.http(http, known).await,
        };
        opened.map_err(|error| ConnectError { message: cut(error.message), ..error })
    }
}

impl Connector<'_> {
    /// The one to speak, if it is not to be found out.
    fn era(&self, known: Option<Dialect>) -> Option<Era> {
        self.config.era.or(known.map(|dialect| dialect.era))
    }

    async fn stdio(&self, stdio: &Stdio, known: Option<Dialect>) -> Result<Connection, ConnectError> {
        let era = self.era(known);
        match self.process(stdio, mode(era)).await {
            // Some older servers end, or answer nonsense, when the first message is not `initialize`.
            Err(ConnectError { next: Next::Initialize, .. }) if era.is_none() => {
                self.process(stdio, mode(Some(Era::Legacy))).await
            }
            result => result,
        }
    }

    async fn process(&self, stdio: &Stdio, mode: ClientLifecycleMode) -> Result<Connection, ConnectError> {
        let name = &self.config.name;
        let (process, stdin, stdout) = Process::start(name, stdio, self.reaper, self.log)
            .await
            .map_err(|message| permanent_error(message, Absence::NotRun))?;
        let talk = self.handshake(Source::Pipe);
        let wire =
            StdioTransport::new(stdout, stdin, self.limits.message_bytes, talk.exchange.clone(), talk.reader.clone());
        let service = self.identity().serve_with_lifecycle(FromOne(wire), mode).await;
        talk.connection(service, TransportHandle::Process(process), false).await
    }

    async fn http(&self, http: &Http, known: Option<Dialect>) -> Result<Connection, ConnectError> {
        let era = self.era(known);
        if http.protocol == HttpProtocol::Sse || known.is_some_and(|dialect| dialect.sse) {
            return self.sse(http).await;
        }
        let mut result = self.streamable(http, mode(era)).await;
        if era.is_none() && matches!(result, Err(ConnectError { next: Next::Initialize, .. })) {
            result = self.streamable(http, mode(Some(Era::Legacy))).await;
        }
        let may_be_sse = http.protocol == HttpProtocol::Auto && known.is_none() && era != Some(Era::Modern);
        match result {
            Err(first @ ConnectError { next: Next::Sse, .. }) if may_be_sse => {
                self.sse(http).await.map_err(|second| ConnectError {
                    message: format!("{}; nor does it speak HTTP+SSE: {}", first.message, second.message),
                    ..second
                })
            }
            result => result,
        }
    }

    /// The gateway's identity and capabilities. A server of the legacy era gets them once for all clients, so they are what any
    /// client may support; a question that a client does not support is declined.
    fn identity(&self) -> ClientConfig {
        let can = if self.config.direct { Abilities::OF_ANYBODY } else { Abilities::OF_ANYBODY.of_script() };
        ClientConfig::new(can.capabilities(), Implementation::new("exuvia", env!("CARGO_PKG_VERSION")))
            .with_protocol_version(ProtocolVersion::LATEST_WITH_INITIALIZE)
    }

    fn handshake(&self, source: Source) -> Handshake {
        let (exchange, list_changed) = (Arc::new(Exchange::default()), Arc::new(Notify::new()));
        let notes = NotificationListeners { list_changed: list_changed.clone(), resources: self.resources.clone() };
        let reader = Reader::new(exchange.clone(), notes, &self.config.name, source, self.config.question_timeout);
        Handshake { exchange, list_changed, reader }
    }

    fn client(&self, http: &Http) -> Result<Arc<HttpClient>, ConnectError> {
        HttpClient::new(&self.config.name, http, self.authorization.clone())
            .map(Arc::new)
            .map_err(|message| permanent_error(message, Absence::Failed))
    }

    async fn streamable(&self, http: &Http, mode: ClientLifecycleMode) -> Result<Connection, ConnectError> {
        let client = self.client(http)?;
        let talk = self.handshake(Source::Http);
        let (transport, done) = streamable(client.clone(), talk.reader.clone(), self.limits);
        let service = self.identity().serve_with_lifecycle(FromOne(transport), mode).await;
        talk.connection(service, TransportHandle::Http(client, done), false).await
    }

    async fn sse(&self, http: &Http) -> Result<Connection, ConnectError> {
        let client = self.client(http)?;
        let talk = self.handshake(Source::Http);
        let connected = connect_sse(client.clone(), talk.reader.clone(), self.limits).await;
        let (transport, done) =
            connected.map_err(|http_error| permanent_error(http_error.details, absence(http_error.kind)))?;
        let service = self.identity().serve_with_lifecycle(FromOne(transport), mode(Some(Era::Legacy))).await;
        talk.connection(service, TransportHandle::Http(client, done), true).await
    }
}

/// Both ends of the messages of one connection.
struct Handshake {
    exchange: Arc<Exchange>,
    list_changed: Arc<Notify>,
    reader: Reader,
}

impl Handshake {
    /// The connection, if the handshake went well.
    async fn connection(
        self,
        service: Result<RunningService<RoleClient, ClientConfig>, ClientInitializeError>,
        handle: TransportHandle,
        sse: bool,
    ) -> Result<Connection, ConnectError> {
        match service {
            Ok(service) => {
                let info = service.peer().peer_info();
                let modern = info.as_ref().is_some_and(|info| info.protocol_version >= ProtocolVersion::V_2026_07_28);
                let tools = info.as_ref().and_then(|info| info.capabilities.tools.as_ref());
                let changes = tools.is_some_and(|tools| tools.list_changed == Some(true));
                let resources = info.as_ref().and_then(|info| info.capabilities.resources.as_ref());
                let subscribes = resources.is_some_and(|resources| resources.subscribe == Some(true));
                let dialect = Dialect { era: if modern { Era::Modern } else { Era::Legacy }, sse };
                let Self { exchange, list_changed, .. } = self;
                let _listening = (modern && changes).then(|| {
                    let (stop, peer, list_changed) =
                        (CancellationToken::new(), service.peer().clone(), list_changed.clone());
                    let stopped = stop.clone();
                    tokio::spawn(async move { stopped.run_until_cancelled(listen(peer, list_changed)).await });
                    stop.drop_guard()
                });
                Ok(Connection { service, exchange, list_changed, handle, dialect, subscribes, _listening })
            }
            Err(error) => Err(connect_error(&error, &handle).await),
        }
    }
}

fn mode(era: Option<Era>) -> ClientLifecycleMode {
    let preferred_versions = vec![ProtocolVersion::V_2026_07_28];
    match era {
        Some(Era::Legacy) => ClientLifecycleMode::Initialize,
        Some(Era::Modern) => ClientLifecycleMode::Discover { preferred_versions },
        None => ClientLifecycleMode::Auto {
            preferred_versions,
            legacy_version: Some(ProtocolVersion::LATEST_WITH_INITIALIZE),
        },
    }
}

fn permanent_error(message: String, why: Absence) -> ConnectError {
    ConnectError { message, why, next: Next::Nothing }
}

fn absence(kind: HttpErrorKind) -> Absence {
    match kind {
        HttpErrorKind::Unauthorized => Absence::Unauthorized { login: false },
        HttpErrorKind::Unreachable => Absence::Unreachable,
        HttpErrorKind::Status(..)
        | HttpErrorKind::Session
        | HttpErrorKind::Content
        | HttpErrorKind::BrokenOff
        | HttpErrorKind::Redirect => Absence::NoHandshake,
    }
}

async fn connect_error(error: &ClientInitializeError, handle: &TransportHandle) -> ConnectError {
    let refused = refusal(error);
    let Some(http_error) = handle.last_error() else {
        let message = match handle {
            TransportHandle::Process(process) => format!("{refused}; {}", process.last_words().await),
            TransportHandle::Http(..) => refused,
        };
        return ConnectError { message, why: Absence::NoHandshake, next: Next::Initialize };
    };
    let next = match http_error.kind {
        HttpErrorKind::Status(StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED, _) => Next::Sse,
        HttpErrorKind::Unreachable | HttpErrorKind::Unauthorized | HttpErrorKind::Redirect => Next::Nothing,
        HttpErrorKind::Status(..) | HttpErrorKind::Session | HttpErrorKind::Content | HttpErrorKind::BrokenOff => {
            Next::Initialize
        }
    };
    ConnectError { message: http_error.details, why: absence(http_error.kind), next }
}

/// What went wrong in the handshake, without texts of the server or rmcp, which are untrusted.
fn refusal(error: &ClientInitializeError) -> String {
    match error {
        ClientInitializeError::JsonRpcError(error) => {
            format!("it rejected the handshake with error {}", error.code.0)
        }
        ClientInitializeError::LegacyFallbackFailed { fallback, .. } => refusal(fallback),
        ClientInitializeError::NoCompatibleProtocolVersion { server_supported, .. } => {
            let is_version =
                |version: &&str| version.len() <= 10 && version.bytes().all(|b| b.is_ascii_digit() || b == b'-');
            let versions: Vec<&str> =
                server_supported.iter().map(ProtocolVersion::as_str).filter(is_version).take(8).collect();
            format!("it speaks only the protocol versions {}", versions.join(", "))
        }
        ClientInitializeError::ConnectionClosed(_) | ClientInitializeError::TransportError { .. } => {
            "the connection closed during the handshake".to_owned()
        }
        _ => "it sent an invalid handshake response".to_owned(),
    }
}
