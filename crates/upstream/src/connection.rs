//! One running server and the conversation with it.

use std::sync::Arc;
use std::time::Duration;

use rmcp::model::{
    CallToolRequest, CallToolRequestParams, ClientCapabilities, ClientConfig, ClientRequest, Implementation,
    JsonObject, ListToolsRequest, PaginatedRequestParams, ProtocolVersion, RequestId,
};
use rmcp::service::{
    ClientInitializeError, ClientLifecycleMode, ClientServiceExt, PeerRequestOptions, RequestHandle, RoleClient,
    RunningService,
};
use tokio::sync::Notify;

use crate::exchange::{Answer, Exchange, Filled, Slot};
use crate::list::ToolList;
use crate::stdio::Reaper;
use crate::stdio::{Process, Wire};
use crate::{Era, ServerConfig, Transport, UpstreamLimits};

/// How long the word that a call was cancelled may take to reach a server.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(5);

/// A server that answered the handshake.
#[derive(Debug)]
pub(crate) struct Connection {
    service: RunningService<RoleClient, ClientConfig>,
    exchange: Arc<Exchange>,
    list_changed: Arc<Notify>,
    carrier: Carrier,
    era: Era,
}

/// What the conversation runs over.
#[derive(Debug)]
enum Carrier {
    Process(Process),
}

impl Carrier {
    /// Whether the other end is still there, as far as one knows without asking.
    fn is_open(&self) -> bool {
        match self {
            Self::Process(process) => process.is_running(),
        }
    }

    /// What became of the other end, for the operator.
    async fn last_words(&self) -> String {
        match self {
            Self::Process(process) => process.last_words().await,
        }
    }

    /// Ends the other end, once the conversation is over.
    async fn stop(&self) {
        match self {
            Self::Process(process) => process.stop().await,
        }
    }
}

/// The conversation broke off before the answer came.
#[derive(Debug)]
pub(crate) struct BrokenOff;

/// Why a server did not come up, for the operator.
#[derive(Debug)]
pub(crate) struct Unstarted {
    pub(crate) message: String,
    /// It ran and refused the handshake: worth another try in the older protocol.
    handshake: bool,
}

impl Connection {
    /// Starts a server and greets it: in the era that it is known to speak, else by finding out.
    pub(crate) async fn open(
        config: &ServerConfig,
        limits: UpstreamLimits,
        reaper: &Arc<Reaper>,
        era: Option<Era>,
    ) -> Result<Self, Unstarted> {
        let preferred_versions = vec![ProtocolVersion::V_2026_07_28];
        let mode = match era {
            Some(Era::Legacy) => ClientLifecycleMode::Initialize,
            Some(Era::Modern) => ClientLifecycleMode::Discover { preferred_versions },
            None => ClientLifecycleMode::Auto {
                preferred_versions,
                legacy_version: Some(ProtocolVersion::LATEST_WITH_INITIALIZE),
            },
        };
        match Self::greet(config, limits, reaper, mode).await {
            // Some older servers end, or answer nonsense, when the first message is not `initialize`.
            Err(Unstarted { handshake: true, .. }) if era.is_none() => {
                Self::greet(config, limits, reaper, ClientLifecycleMode::Initialize).await
            }
            result => result,
        }
    }

    async fn greet(
        config: &ServerConfig,
        limits: UpstreamLimits,
        reaper: &Arc<Reaper>,
        mode: ClientLifecycleMode,
    ) -> Result<Self, Unstarted> {
        let unstarted = |message| Unstarted { message, handshake: false };
        let (exchange, list_changed) = (Arc::new(Exchange::default()), Arc::new(Notify::new()));
        let (carrier, wire) = match &config.transport {
            Transport::Stdio(stdio) => {
                let (process, stdin, stdout) = Process::start(&config.name, stdio, reaper).map_err(unstarted)?;
                let (exchange, list_changed) = (exchange.clone(), list_changed.clone());
                let wire = Wire::new(stdout, stdin, limits.line_bytes, exchange, list_changed, &config.name);
                (Carrier::Process(process), wire)
            }
            Transport::Http(_) => return Err(unstarted("servers over HTTP are not supported yet".to_owned())),
        };
        let client =
            ClientConfig::new(ClientCapabilities::default(), Implementation::new("exuvia", env!("CARGO_PKG_VERSION")))
                .with_protocol_version(ProtocolVersion::LATEST_WITH_INITIALIZE);
        match client.serve_with_lifecycle(wire, mode).await {
            Ok(service) => {
                let version = service.peer().peer_info().map(|info| info.protocol_version.clone());
                let modern = version.is_some_and(|version| version >= ProtocolVersion::V_2026_07_28);
                let era = if modern { Era::Modern } else { Era::Legacy };
                Ok(Self { service, exchange, list_changed, carrier, era })
            }
            Err(error) => {
                let message = format!("{}; {}", refusal(&error), carrier.last_words().await);
                Err(Unstarted { message, handshake: true })
            }
        }
    }

    /// The era that the server speaks.
    pub(crate) fn era(&self) -> Era {
        self.era
    }

    /// Whether another request makes sense.
    pub(crate) fn is_open(&self) -> bool {
        self.carrier.is_open() && !self.service.peer().is_transport_closed()
    }

    /// Waits until the server says that its list of tools is another one.
    pub(crate) async fn list_changed(&self) {
        self.list_changed.notified().await;
    }

    /// The server's tools, all pages of them.
    pub(crate) async fn list(&self, limits: UpstreamLimits) -> Result<ToolList, String> {
        let mut list = ToolList::new(limits);
        let mut cursor = None;
        loop {
            let slot = Slot::default();
            let params = cursor.map(|cursor| PaginatedRequestParams::default().with_cursor(Some(cursor)));
            let mut request = ListToolsRequest { params, ..ListToolsRequest::default() };
            request.extensions.insert(slot.clone());
            match self.ask(ClientRequest::ListToolsRequest(request), slot).await.map(|filled| filled.answer) {
                Ok(Some(Answer::Result(result))) => cursor = list.page(result.as_str()),
                Ok(Some(Answer::Error { code: -32601, .. })) if list.tools.is_empty() => {
                    list.warnings.push("it offers no tools".to_owned());
                    return Ok(list);
                }
                Ok(Some(Answer::Error { message, .. })) => {
                    return Err(format!("it refused to list its tools: {message}"));
                }
                Ok(Some(Answer::Oversized { bytes })) => {
                    return Err(format!(
                        "a page of its tool list is {bytes} bytes long, line_bytes is {}",
                        limits.line_bytes
                    ));
                }
                Ok(Some(Answer::Unreadable(what))) => return Err(format!("it answered tools/list with {what}")),
                Ok(None) | Err(BrokenOff) => {
                    let words = self.carrier.last_words().await;
                    return Err(format!("the connection broke off while it listed its tools; {words}"));
                }
            }
            if cursor.is_none() {
                return Ok(list);
            }
        }
    }

    /// Calls a tool once. Dropping the future cancels the call and tells the server.
    pub(crate) async fn call(&self, tool: String, arguments: JsonObject) -> Result<Filled, BrokenOff> {
        let slot = Slot::default();
        let mut request = CallToolRequest::new(CallToolRequestParams::new(tool).with_arguments(arguments));
        request.extensions.insert(slot.clone());
        self.ask(ClientRequest::CallToolRequest(request), slot).await
    }

    async fn ask(&self, request: ClientRequest, slot: Slot) -> Result<Filled, BrokenOff> {
        let handle = self.service.peer().send_cancellable_request(request, PeerRequestOptions::no_options()).await;
        let mut request = Request { handle: Some(handle.map_err(|_| BrokenOff)?), exchange: self.exchange.clone() };
        request.answered().await;
        let filled = slot.take();
        if filled.answer.is_some() { Ok(filled) } else { Err(BrokenOff) }
    }

    /// Ends the conversation and the server: closes its input, waits, asks, forces.
    pub(crate) async fn close(&self) {
        // Dropping the transport closes the server's input.
        self.service.cancellation_token().cancel();
        self.carrier.stop().await;
    }
}

/// What went wrong in the handshake, without the payloads that rmcp's own words may hold.
fn refusal(error: &ClientInitializeError) -> String {
    match error {
        ClientInitializeError::JsonRpcError(error) => format!("it refused the handshake: {}", error.message),
        ClientInitializeError::LegacyFallbackFailed { fallback, .. } => refusal(fallback),
        ClientInitializeError::NoCompatibleProtocolVersion { server_supported, .. } => {
            format!("it speaks only the protocol versions {server_supported:?}")
        }
        ClientInitializeError::ConnectionClosed(_) | ClientInitializeError::TransportError { .. } => {
            "the connection broke off in the handshake".to_owned()
        }
        _ => "it answered the handshake with something else".to_owned(),
    }
}

/// A request that waits for its answer. Dropped before, it is cancelled.
struct Request {
    handle: Option<RequestHandle<RoleClient>>,
    exchange: Arc<Exchange>,
}

impl Request {
    /// Waits until the slot is filled or the connection is gone.
    async fn answered(&mut self) {
        if let Some(handle) = &mut self.handle {
            let _ = (&mut handle.rx).await;
        }
        self.forget();
    }

    fn forget(&mut self) -> Option<RequestHandle<RoleClient>> {
        let handle = self.handle.take()?;
        if let RequestId::Number(id) = handle.id {
            self.exchange.forget(id);
        }
        Some(handle)
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        let Some(handle) = self.forget() else { return };
        // Without a runtime everything is ending, and the server with it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let reason = Some("nobody waits for the answer".to_owned());
                let _ = tokio::time::timeout(CANCEL_TIMEOUT, handle.cancel(reason)).await;
            });
        }
    }
}
