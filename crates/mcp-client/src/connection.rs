//! The connection to one server.

use std::sync::Arc;
use std::time::Duration;

use exuvia_config::{Era, UpstreamLimits};
use exuvia_tool::{Arguments, Place};
use rmcp::model::{
    CallToolRequest, CallToolRequestParams, ClientRequest, JsonObject, ListToolsRequest, PaginatedRequestParams,
    RequestMetaObject,
};
use rmcp::model::{ClientConfig, GetExtensions};
use rmcp::service::{PeerRequestOptions, RequestHandle, RoleClient, RunningService};
use tokio::sync::Notify;
use tokio_util::sync::DropGuard;

use crate::arguments::Sent;
use crate::blocks::cut;
use crate::error_code::METHOD_NOT_FOUND;
use crate::exchange::{Exchange, RequestKind, ServerAnswer, SessionOutcome, Slot, SlotContents};
use crate::failure::CallFailure;
use crate::ids::wire_id;
use crate::list::ToolList;
use crate::offload::offload;
use crate::order::Departure;
use crate::relay::Input;
use crate::trace_context;
use crate::transport_handle::TransportHandle;

/// How long the cancellation of a call may take to reach a server.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(5);

/// A server that answered the handshake.
#[derive(Debug)]
pub struct Connection {
    pub(crate) service: RunningService<RoleClient, ClientConfig>,
    pub(crate) exchange: Arc<Exchange>,
    pub(crate) list_changed: Arc<Notify>,
    pub(crate) handle: TransportHandle,
    pub(crate) dialect: Dialect,
    /// Whether the server offers subscriptions to its resources.
    pub(crate) subscribes: bool,
    /// Ends the task that listens for changes.
    pub(crate) _listening: Option<DropGuard>,
}

/// How a server is spoken to. Found out once: a server that comes back speaks as it did before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    /// The era of the protocol.
    pub(crate) era: Era,
    /// Over HTTP: whether it has only HTTP+SSE.
    pub(crate) sse: bool,
}

/// The conversation broke off before the answer came.
#[derive(Debug)]
pub struct BrokenOff;

impl Connection {
    /// The era that the server speaks.
    pub fn era(&self) -> Era {
        self.dialect.era
    }

    /// How the server is to be spoken to the next time.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Whether the server offers subscriptions to its resources.
    pub fn subscribes(&self) -> bool {
        self.subscribes
    }

    /// A request of this client is about to be sent. Once a connection has carried requests of several clients, a question
    /// outside a request's stream belongs to none of them.
    pub fn used_by(&self, client: Option<&Arc<str>>) {
        self.exchange.used_by(client);
    }

    /// Whether another request makes sense.
    pub fn is_open(&self) -> bool {
        self.handle.is_open() && !self.service.peer().is_transport_closed()
    }

    /// Whether the latest request was refused for want of authorization.
    pub fn is_unauthorized(&self) -> bool {
        self.handle.last_error().is_some_and(|http_error| http_error.kind == crate::http::HttpErrorKind::Unauthorized)
    }

    /// Waits until the server says that its list of tools is another one.
    pub async fn list_changed(&self) {
        self.list_changed.notified().await;
    }

    /// The server's tools, all pages of them.
    ///
    /// # Errors
    ///
    /// Why it did not list them, for the operator.
    pub async fn list(&self, limits: UpstreamLimits) -> Result<ToolList, String> {
        self.all_pages(limits).await.map_err(cut)
    }

    async fn all_pages(&self, limits: UpstreamLimits) -> Result<ToolList, String> {
        let mut list = ToolList::new(limits);
        if self.era() == Era::Modern && matches!(self.handle, TransportHandle::Http(..)) {
            list = list.with_parameter_headers();
        }
        let mut cursor = None;
        loop {
            let params = cursor.map(|cursor| PaginatedRequestParams::default().with_cursor(Some(cursor)));
            let request = ListToolsRequest { params, ..ListToolsRequest::default() };
            let contents = self.ask(ClientRequest::ListToolsRequest(request), RequestKind::List).await;
            match contents.map(|contents| contents.answer) {
                Ok(Some(ServerAnswer::Result(result))) => {
                    let bytes = result.as_str().len();
                    let read = move || {
                        list.has_nulls(result.nulls);
                        let cursor = list.page(result.as_str());
                        (list, cursor)
                    };
                    (list, cursor) = offload(bytes, read).await;
                }
                Ok(Some(ServerAnswer::Error { code: METHOD_NOT_FOUND, .. })) if list.tools.is_empty() => {
                    list.warnings.push("it offers no tools".to_owned());
                    return Ok(list);
                }
                Ok(Some(ServerAnswer::Error { code, .. })) => {
                    return Err(format!("it refused to list its tools with the error {code}"));
                }
                Ok(Some(ServerAnswer::Oversized { bytes })) => {
                    return Err(format!(
                        "a page of its tool list has {bytes} bytes or more, message_bytes is {}",
                        limits.message_bytes
                    ));
                }
                Ok(Some(ServerAnswer::Unreadable(what))) => return Err(format!("it answered tools/list with {what}")),
                Ok(Some(ServerAnswer::Failed(_))) => {
                    return Err(format!("it did not list its tools: {}", self.handle.last_words().await));
                }
                Ok(None) | Err(BrokenOff) => {
                    let words = self.handle.last_words().await;
                    return Err(format!("the connection closed while it listed its tools; {words}"));
                }
            }
            if cursor.is_none() {
                return Ok(list);
            }
        }
    }

    /// Calls a tool once. Dropping the future cancels the call and notifies the server.
    #[cfg(test)]
    pub(crate) async fn call(&self, tool: String, arguments: Arguments) -> Result<SlotContents, BrokenOff> {
        self.send(call(tool, arguments, true, Input::default()), Slot::default(), None, Place::default()).await
    }

    async fn ask(&self, request: ClientRequest, kind: RequestKind) -> Result<SlotContents, BrokenOff> {
        self.send(request, Slot::new(kind), None, Place::default()).await
    }

    /// Sends a request once, when its place in the order is the first; the next one follows. Dropping the future cancels the
    /// request and notifies the server. `meta` is added to it in the modern era.
    pub async fn send(
        &self,
        mut request: ClientRequest,
        slot: Slot,
        meta: Option<RequestMetaObject>,
        place: Place,
    ) -> Result<SlotContents, BrokenOff> {
        request.extensions_mut().insert(slot.clone());
        trace_context::tell(&mut request);
        let mut options = PeerRequestOptions::no_options();
        options.meta = meta.filter(|_| self.era() == Era::Modern);
        // Over a pipe messages are written in the order in which they are given to rmcp. Over HTTP each has its own request.
        let place = if self.handle.outlives_requests() {
            slot.leaving().at(place);
            None
        } else {
            Some(place)
        };
        let handle = Box::pin(self.service.peer().send_cancellable_request(request, options)).await;
        drop(place);
        let handle = handle.map_err(|_| BrokenOff)?;
        let id = wire_id(&handle.id);
        trace_context::sent(id);
        let leaving = slot.leaving().clone();
        let mut request = RequestGuard { handle: Some(handle), id, exchange: self.exchange.clone(), leaving };
        request.answered().await;
        let mut contents = slot.take();
        if contents.answer.is_none() && self.handle.outlives_requests() && self.is_open() {
            let failure = match contents.session {
                SessionOutcome::Awaited => CallFailure::not_taken("lost its session and issued no other"),
                _ => CallFailure::maybe_taken("sent an incomplete response"),
            };
            contents.answer = Some(ServerAnswer::Failed(failure.against_breaker()));
        }
        if contents.answer.is_some() { Ok(contents) } else { Err(BrokenOff) }
    }

    /// Ends the conversation and the server: closes its input, waits, asks, forces.
    pub async fn close(&self) {
        // Dropping the transport closes the server's input.
        self.service.cancellation_token().cancel();
        self.handle.stop().await;
    }
}

/// A call of a tool. `has_outline`: rmcp looks at the arguments, the short ones at least.
pub fn call(tool: String, arguments: Arguments, has_outline: bool, input: Input) -> ClientRequest {
    let outline = if has_outline { arguments.outline() } else { JsonObject::new() };
    let mut params = CallToolRequestParams::new(tool).with_arguments(outline);
    params.input_responses = input.responses.and_then(|responses| serde_json::from_str(responses.as_str()).ok());
    params.request_state = input.state;
    let mut request = ClientRequest::CallToolRequest(CallToolRequest::new(params));
    request.extensions_mut().insert(Sent::new(arguments.into_json()));
    request
}

/// A request that waits for its answer. Dropped before, it is cancelled.
struct RequestGuard {
    handle: Option<RequestHandle<RoleClient>>,
    /// By which the server knows it.
    id: Option<i64>,
    exchange: Arc<Exchange>,
    leaving: Departure,
}

impl RequestGuard {
    /// Waits until the slot is filled or the connection is gone.
    async fn answered(&mut self) {
        if let Some(handle) = &mut self.handle {
            let _ = (&mut handle.rx).await;
        }
        self.forget();
    }

    fn forget(&mut self) -> Option<RequestHandle<RoleClient>> {
        let handle = self.handle.take()?;
        if let Some(id) = self.id {
            self.exchange.forget(id);
        }
        Some(handle)
    }
}

impl Drop for RequestGuard {
    fn drop(&mut self) {
        // Sent or not, the next request may leave now.
        self.leaving.left();
        let Some(handle) = self.forget() else { return };
        // Without a runtime everything is ending, and the server with it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let reason = Some("the request was abandoned".to_owned());
                let _ = tokio::time::timeout(CANCEL_TIMEOUT, handle.cancel(reason)).await;
            });
        }
    }
}
