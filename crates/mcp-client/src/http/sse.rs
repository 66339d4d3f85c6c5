//! HTTP+SSE, the transport of 2024-11-05, for servers that have nothing else.
//!
//! The server says everything on one stream of events, the first of which names the address that messages are posted to.

use std::sync::Arc;
use std::time::Duration;

use exuvia_config::UpstreamLimits;
use http::header::CONTENT_TYPE;
use rmcp::model::{ClientJsonRpcMessage, GetExtensions, GetMeta, JsonRpcMessage, RequestId, ServerJsonRpcMessage};
use rmcp::service::{RoleClient, RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;

use super::body::{ERROR_BYTES, Message, message};
use super::client::{CONNECT_TIMEOUT, HttpClient, HttpRequest};
use super::error::{HttpError, HttpErrorKind};
use super::session::{Loss, loss};
use super::stream::{Stream, StreamEvent};
use crate::arguments::written;
use crate::exchange::{ServerAnswer, Slot};
use crate::reader::Reader;
use crate::trace_context;

/// Messages that wait for rmcp.
const QUEUE: usize = 64;
/// How long the server may take to name its address for messages.
const ENDPOINT_TIMEOUT: Duration = Duration::from_secs(10);
const _: () = assert!(CONNECT_TIMEOUT.as_secs() < ENDPOINT_TIMEOUT.as_secs());
/// How long a reply to the server may take.
const REPLY_TIMEOUT: Duration = Duration::from_secs(5);
/// No request has it: what refuses a message over HTTP answers none.
const NO_ID: i64 = -1;

/// One end of a connection, as rmcp sees it.
pub(crate) struct Sse {
    client: Arc<HttpClient>,
    endpoint: Url,
    reader: Arc<Reader>,
    incoming: mpsc::Receiver<ServerJsonRpcMessage>,
    /// Ends the task that reads the stream.
    reading: Option<DropGuard>,
}

/// Opens the stream. Gives the transport, and what is cancelled when the stream is closed.
pub(crate) async fn connect(
    client: Arc<HttpClient>,
    reader: Reader,
    limits: UpstreamLimits,
) -> Result<(Sse, CancellationToken), HttpError> {
    let reader = Arc::new(reader);
    let opened = tokio::time::timeout(ENDPOINT_TIMEOUT, open(&client, &reader, limits)).await;
    let late = || HttpError::new(HttpErrorKind::Content, "its event stream names no message endpoint");
    let (stream, endpoint) = opened.unwrap_or_else(|_| Err(late()))?;
    let (messages, incoming) = mpsc::channel(QUEUE);
    let (reading, done) = (CancellationToken::new(), CancellationToken::new());
    let (stop, closed) = (reading.clone(), done.clone().drop_guard());
    let replies = Replies { client: client.clone(), endpoint: endpoint.clone() };
    tokio::spawn(async move {
        let _closed = closed;
        stop.run_until_cancelled(listen(stream, messages, replies)).await;
    });
    Ok((Sse { client, endpoint, reader, incoming, reading: Some(reading.drop_guard()) }, done))
}

async fn open(client: &HttpClient, reader: &Arc<Reader>, limits: UpstreamLimits) -> Result<(Stream, Url), HttpError> {
    let response = client.send(HttpRequest::events(client.url().clone())).await?;
    if !response.status().is_success() {
        return Err(HttpError::status(&response));
    }
    let content = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !content.starts_with("text/event-stream") {
        return Err(HttpError::content(content));
    }
    let mut stream = Stream::new(response, reader.clone(), None, limits.message_bytes);
    loop {
        let broken = |error: std::io::Error| HttpError::new(HttpErrorKind::BrokenOff, error.to_string());
        let Some(StreamEvent { other, .. }) = stream.next().await.map_err(broken)? else {
            return Err(HttpError::new(HttpErrorKind::BrokenOff, "its event stream ended immediately"));
        };
        let Some((name, address)) = other else { continue };
        if name != "endpoint" {
            continue;
        }
        let address = String::from_utf8_lossy(&address).trim().to_owned();
        return match client.url().join(&address) {
            Ok(endpoint) if client.is_own(&endpoint) => Ok((stream, endpoint)),
            _ => Err(HttpError::new(HttpErrorKind::Redirect, "its message endpoint has another origin")),
        };
    }
}

/// Where replies to the server go.
struct Replies {
    client: Arc<HttpClient>,
    endpoint: Url,
}

async fn listen(mut stream: Stream, messages: mpsc::Sender<ServerJsonRpcMessage>, replies: Replies) {
    let (outgoing, mut waiting) = mpsc::channel::<String>(QUEUE);
    let reply = async {
        while let Some(reply) = waiting.recv().await {
            let request = HttpRequest::post(replies.endpoint.clone(), reply);
            let _ = tokio::time::timeout(REPLY_TIMEOUT, replies.client.send(request)).await;
        }
    };
    let read = async move {
        while let Ok(Some(stream_event)) = stream.next().await {
            for reply in stream_event.inbound.replies {
                let outgoing = outgoing.clone();
                reply.deliver_with(move |reply| {
                    let _ = outgoing.try_send(reply);
                });
            }
            for message in stream_event.inbound.messages {
                if messages.send(message).await.is_err() {
                    return;
                }
            }
        }
    };
    tokio::select! {
        () = read => {}
        () = reply => {}
    }
}

async fn post(
    client: Arc<HttpClient>,
    endpoint: Url,
    item: ClientJsonRpcMessage,
    slot: Option<&Slot>,
) -> Result<(), HttpError> {
    let body = written(&item).map_err(|error| HttpError::new(HttpErrorKind::BrokenOff, error.to_string()))?;
    let request = HttpRequest::post(endpoint, body).with(trace_context::headers(&item));
    let response = client.send(request.leaving(slot.map(|slot| slot.leaving().clone()))).await?;
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let http_error = HttpError::status(&response);
    let Ok(Message::Whole(body)) = message(response, ERROR_BYTES).await else { return Err(http_error) };
    let body = String::from_utf8_lossy(&body);
    // The address holds the session: another one comes with another stream.
    if let Some(slot) = slot
        && loss(status, &body, NO_ID) == Loss::Certain
    {
        slot.lost_session();
    }
    Err(http_error)
}

impl Transport<RoleClient> for Sse {
    type Error = HttpError;

    fn send(
        &mut self,
        item: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        let mut waiting = None;
        if let JsonRpcMessage::Request(request) = &item
            && let RequestId::Number(id) = request.id
        {
            waiting = request.request.extensions().get::<Slot>().cloned();
            let progress = request.request.get_meta().get_progress_token();
            self.reader.exchange().sent(id, waiting.clone(), progress);
        }
        let (client, endpoint) = (self.client.clone(), self.endpoint.clone());
        async move {
            let posted = post(client.clone(), endpoint, item, waiting.as_ref()).await;
            if let Err(http_error) = &posted {
                client.note(http_error);
                if let Some(slot) = waiting {
                    slot.fill(ServerAnswer::Failed(http_error.failure()));
                }
            }
            posted
        }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        self.incoming.recv().await
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.reading = None;
        Ok(())
    }
}
