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
use super::client::{CONNECT_TIMEOUT, Client, Request};
use super::session::{Loss, loss};
use super::stream::{News, Stream};
use super::trouble::{Kind, Trouble};
use crate::arguments::written;
use crate::exchange::{Answer, Slot};
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
    client: Arc<Client>,
    endpoint: Url,
    reader: Arc<Reader>,
    incoming: mpsc::Receiver<ServerJsonRpcMessage>,
    /// Ends the task that reads the stream.
    reading: Option<DropGuard>,
}

/// Opens the stream. Gives the transport, and what is cancelled when the stream is closed.
pub(crate) async fn connect(
    client: Arc<Client>,
    reader: Reader,
    limits: UpstreamLimits,
) -> Result<(Sse, CancellationToken), Trouble> {
    let reader = Arc::new(reader);
    let opened = tokio::time::timeout(ENDPOINT_TIMEOUT, open(&client, &reader, limits)).await;
    let late = || Trouble::new(Kind::Content, "its event stream names no message endpoint");
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

async fn open(client: &Client, reader: &Arc<Reader>, limits: UpstreamLimits) -> Result<(Stream, Url), Trouble> {
    let response = client.send(Request::events(client.url().clone())).await?;
    if !response.status().is_success() {
        return Err(Trouble::status(&response));
    }
    let content = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !content.starts_with("text/event-stream") {
        return Err(Trouble::content(content));
    }
    let mut stream = Stream::new(response, reader.clone(), None, limits.message_bytes);
    loop {
        let broken = |error: std::io::Error| Trouble::new(Kind::BrokenOff, error.to_string());
        let Some(News { other, .. }) = stream.next().await.map_err(broken)? else {
            return Err(Trouble::new(Kind::BrokenOff, "its event stream ended immediately"));
        };
        let Some((name, address)) = other else { continue };
        if name != "endpoint" {
            continue;
        }
        let address = String::from_utf8_lossy(&address).trim().to_owned();
        return match client.url().join(&address) {
            Ok(endpoint) if client.is_own(&endpoint) => Ok((stream, endpoint)),
            _ => Err(Trouble::new(Kind::Redirect, "its message endpoint has another origin")),
        };
    }
}

/// Where replies to the server go.
struct Replies {
    client: Arc<Client>,
    endpoint: Url,
}

async fn listen(mut stream: Stream, messages: mpsc::Sender<ServerJsonRpcMessage>, replies: Replies) {
    let (outgoing, mut waiting) = mpsc::channel::<String>(QUEUE);
    let reply = async {
        while let Some(reply) = waiting.recv().await {
            let request = Request::post(replies.endpoint.clone(), reply);
            let _ = tokio::time::timeout(REPLY_TIMEOUT, replies.client.send(request)).await;
        }
    };
    let read = async move {
        while let Ok(Some(news)) = stream.next().await {
            for reply in news.heard.replies {
                let outgoing = outgoing.clone();
                reply.say(move |reply| {
                    let _ = outgoing.try_send(reply);
                });
            }
            for message in news.heard.messages {
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
    client: Arc<Client>,
    endpoint: Url,
    item: ClientJsonRpcMessage,
    slot: Option<&Slot>,
) -> Result<(), Trouble> {
    let body = written(&item).map_err(|error| Trouble::new(Kind::BrokenOff, error.to_string()))?;
    let request = Request::post(endpoint, body).with(trace_context::headers(&item));
    let response = client.send(request.leaving(slot.map(|slot| slot.leaving().clone()))).await?;
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let trouble = Trouble::status(&response);
    let Ok(Message::Whole(body)) = message(response, ERROR_BYTES).await else { return Err(trouble) };
    let body = String::from_utf8_lossy(&body);
    // The address holds the session: another one comes with another stream.
    if let Some(slot) = slot
        && loss(status, &body, NO_ID) == Loss::Certain
    {
        slot.lost_session();
    }
    Err(trouble)
}

impl Transport<RoleClient> for Sse {
    type Error = Trouble;

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
            if let Err(trouble) = &posted {
                client.note(trouble);
                if let Some(slot) = waiting {
                    slot.fill(Answer::Failed(trouble.failure()));
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
