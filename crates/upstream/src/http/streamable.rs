//! Streamable HTTP: rmcp's transport over our requests.
//!
//! rmcp keeps sessions, their renewal, the resumption of streams, cancellation, and the headers of either era. Here a request
//! goes out and the answer to it is read, whichever of the forms it has that the protocol leaves to the server; what goes
//! wrong is told to the very request that met it.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{BoxStream, StreamExt, iter, unfold};
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use reqwest::Response;
use rmcp::model::{
    ClientJsonRpcMessage, ClientRequest, ErrorData, GetExtensions, JsonRpcMessage, RequestId, ServerJsonRpcMessage,
};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::common::client_side_sse::ExponentialBackoff;
use rmcp::transport::streamable_http_client::{
    SseError, StreamableHttpClient, StreamableHttpClientTransportConfig, StreamableHttpError,
    StreamableHttpPostResponse,
};
use sse_stream::Sse;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::body::{Message, message};
use super::client::{Client, Request};
use super::stream::{News, Stream};
use super::trouble::{Kind, Trouble};
use crate::UpstreamLimits;
use crate::exchange::{Answer, Slot};
use crate::reader::{Heard, Reader, settled, unreadable};

/// Replies to a server that wait for their way out; further ones are lost.
const REPLIES: usize = 64;
/// How long a reply, or the goodbye to a session, may take.
const REPLY_TIMEOUT: Duration = Duration::from_secs(5);
/// A server that takes longer to answer `server/discover` is taken for one that does not know it. Less than what rmcp waits,
/// because its transport takes nothing else until the first message is answered.
const DISCOVER_TIMEOUT: Duration = Duration::from_secs(8);
/// How much of the body of an error is read.
const ERROR_BYTES: usize = 64 * 1024;
/// The shortest and the longest time until a stream is resumed, whatever the server asks for.
const RESUME: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(60));
/// How often in a row that is tried.
const RESUMPTIONS: usize = 10;

const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
const LAST_EVENT: HeaderName = HeaderName::from_static("last-event-id");

type Posted = Result<StreamableHttpPostResponse, StreamableHttpError<Trouble>>;

/// What rmcp posts messages with.
#[derive(Clone)]
pub(crate) struct Streamable {
    client: Arc<Client>,
    reader: Arc<Reader>,
    replies: mpsc::Sender<Request>,
    limit_bytes: usize,
}

/// The transport of a connection, and what is cancelled when rmcp is done with it.
pub(crate) fn transport(
    client: Arc<Client>,
    reader: Reader,
    limits: UpstreamLimits,
) -> (StreamableHttpClientTransport<Streamable>, CancellationToken) {
    let (replies, outgoing) = mpsc::channel(REPLIES);
    let done = CancellationToken::new();
    tokio::spawn(reply(client.clone(), outgoing, done.clone()));
    let mut config = StreamableHttpClientTransportConfig::with_uri(client.url().as_str())
        .max_concurrent_requests(limits.calls_in_flight.saturating_add(8))
        .reinit_on_expired_session(true);
    let mut backoff = ExponentialBackoff::default();
    backoff.max_times = Some(RESUMPTIONS);
    backoff.max_delay = Some(RESUME.1);
    config.retry_config = Arc::new(backoff);
    let streamable = Streamable { client, reader: Arc::new(reader), replies, limit_bytes: limits.message_bytes };
    (StreamableHttpClientTransport::with_client(streamable, config), done)
}

/// Sends replies until nobody makes any more.
async fn reply(client: Arc<Client>, mut outgoing: mpsc::Receiver<Request>, done: CancellationToken) {
    let _done = done.drop_guard();
    while let Some(request) = outgoing.recv().await {
        let _ = tokio::time::timeout(REPLY_TIMEOUT, client.send(request)).await;
    }
}

/// The request that a message is.
struct Asked {
    id: i64,
    /// Where the answer goes; rmcp itself reads the answers to the handshake, which have none.
    slot: Option<Slot>,
    discovers: bool,
}

impl Asked {
    fn of(message: &ClientJsonRpcMessage) -> Option<Self> {
        let JsonRpcMessage::Request(request) = message else { return None };
        let RequestId::Number(id) = request.id else { return None };
        let slot = request.request.extensions().get::<Slot>().cloned();
        Some(Self { id, slot, discovers: matches!(request.request, ClientRequest::DiscoverRequest(_)) })
    }
}

/// What came of one `POST`.
enum Outcome {
    Answer(StreamableHttpPostResponse),
    /// The session is unknown to the server, which therefore did nothing.
    SessionExpired,
}

impl Streamable {
    fn request(
        &self,
        method: Method,
        body: Vec<u8>,
        session: Option<&str>,
        headers: HashMap<HeaderName, HeaderValue>,
    ) -> Request {
        let url = self.client.url().clone();
        let mut request =
            if method == Method::GET { Request::events(url) } else { Request::post(url, body) }.with(headers);
        request.method = method;
        // A session id that is no header value came from the server's header: it cannot happen.
        request.with(session.and_then(|id| Some((SESSION, HeaderValue::from_str(id).ok()?))))
    }

    async fn post(&self, request: Request, asked: Option<&Asked>, has_session: bool) -> Result<Outcome, Trouble> {
        // What a reply to the server needs, should it ask for something.
        let mut reply = request.clone();
        reply.body = bytes::Bytes::new();
        let response = self.client.send(request).await?;
        let status = response.status();
        if status == StatusCode::NOT_FOUND && has_session {
            return Ok(Outcome::SessionExpired);
        }
        let Some(asked) = asked else {
            return if status.is_success() {
                Ok(Outcome::Answer(StreamableHttpPostResponse::Accepted))
            } else {
                Err(Trouble::status(&response))
            };
        };
        let session = response.headers().get(SESSION).and_then(|id| id.to_str().ok()).map(str::to_owned);
        let content = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = content.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match kind.as_str() {
            "text/event-stream" if status.is_success() => {
                self.client.remember(None);
                let stream = Stream::new(response, self.reader.clone(), Some(asked.id), self.limit_bytes);
                Ok(Outcome::Answer(StreamableHttpPostResponse::Sse(self.events(stream, reply), session)))
            }
            "application/json" if status.is_success() => {
                self.client.remember(None);
                let heard = match message(response, self.limit_bytes).await? {
                    Message::Whole(body) => self.reader.message(body, Some(asked.id)),
                    Message::Long { head, bytes } => self.reader.long(&head, bytes, Some(asked.id)).unwrap_or_default(),
                };
                Ok(Outcome::Answer(self.answer(asked, heard, &reply, session)))
            }
            _ if status.is_success() => {
                let details = if kind.is_empty() {
                    format!("it answered with HTTP {status} and nothing")
                } else {
                    format!("it answered with content of the type {}", super::trouble::quote(content))
                };
                Err(Trouble::new(Kind::Content, details))
            }
            _ => self.refused(response, asked).await,
        }
    }

    /// An error status may come with the error that the protocol has for it.
    async fn refused(&self, response: Response, asked: &Asked) -> Result<Outcome, Trouble> {
        let trouble = Trouble::status(&response);
        let status = response.status();
        let body = match message(response, ERROR_BYTES).await {
            Ok(Message::Whole(body)) => body,
            _ => Vec::new(),
        };
        let is_error = crate::raw::member(&String::from_utf8_lossy(&body), "error").is_some();
        if is_error && asked.slot.is_some() {
            let heard = self.reader.message(body, Some(asked.id));
            return Ok(Outcome::Answer(single(asked, heard.messages)));
        }
        let trouble = trouble.quoting(&body);
        if asked.slot.is_none() && status.is_client_error() {
            // Of a server that does not know the request: the older handshake is worth a try.
            let error = serde_json::from_slice(&body).ok().and_then(|message| match message {
                ServerJsonRpcMessage::Error(error) => Some(error.error),
                _ => None,
            });
            if let Some(error) = error.or_else(|| asked.discovers.then(|| ErrorData::invalid_request("refused", None)))
            {
                // No news for the operator, but what decides whether the older transport is tried.
                self.client.remember(Some(&trouble));
                let error = ServerJsonRpcMessage::error(error, Some(RequestId::Number(asked.id)));
                return Ok(Outcome::Answer(StreamableHttpPostResponse::Json(error, None)));
            }
        }
        Err(trouble)
    }

    /// The answer in one body, from what was heard in it.
    fn answer(
        &self,
        asked: &Asked,
        heard: Heard,
        reply: &Request,
        session: Option<String>,
    ) -> StreamableHttpPostResponse {
        self.reply(heard.replies, reply);
        match single(asked, self.settle(asked, heard.messages)) {
            StreamableHttpPostResponse::Json(message, _) => StreamableHttpPostResponse::Json(message, session),
            StreamableHttpPostResponse::Sse(stream, _) => StreamableHttpPostResponse::Sse(stream, session),
            other => other,
        }
    }

    /// Nothing more will come for a request: if it has no answer, that is the answer.
    fn settle(&self, asked: &Asked, mut messages: Vec<ServerJsonRpcMessage>) -> Vec<ServerJsonRpcMessage> {
        if self.reader.exchange().is_pending(asked.id) {
            self.reader.exchange().forget(asked.id);
            messages.push(match &asked.slot {
                Some(slot) => {
                    slot.fill(Answer::Unreadable("something that does not answer the call"));
                    settled(asked.id)
                }
                None => unreadable(asked.id),
            });
        }
        messages
    }

    fn reply(&self, replies: Vec<String>, request: &Request) {
        for reply in replies {
            let mut request = request.clone();
            request.method = Method::POST;
            request.body = reply.into();
            // They are those of the request that the reply belongs to.
            request.headers.remove("mcp-method");
            request.headers.remove("mcp-name");
            let _ = self.replies.try_send(request);
        }
    }

    /// The events of a stream, for rmcp.
    fn events(&self, stream: Stream, reply: Request) -> BoxStream<'static, Result<Sse, SseError>> {
        let state = (self.clone(), stream, reply, VecDeque::new());
        let next = |(streamable, mut stream, reply, mut ready): (Self, Stream, Request, VecDeque<Sse>)| async move {
            loop {
                if let Some(event) = ready.pop_front() {
                    return Some((Ok(event), (streamable, stream, reply, ready)));
                }
                match stream.next().await {
                    Ok(Some(news)) => ready.extend(streamable.told(news, &reply)),
                    Ok(None) => return None,
                    Err(error) => {
                        let trouble = Trouble::new(Kind::BrokenOff, error.to_string());
                        streamable.client.note(&trouble);
                        return Some((Err(SseError::Body(Box::new(trouble))), (streamable, stream, reply, ready)));
                    }
                }
            }
        };
        unfold(state, next).boxed()
    }

    /// What rmcp hears of an event: the messages for it, and by which id to resume.
    fn told(&self, news: News, reply: &Request) -> Vec<Sse> {
        self.reply(news.heard.replies, reply);
        let mut events: Vec<Sse> = news
            .heard
            .messages
            .iter()
            .filter_map(|message| Some(Sse::default().data(serde_json::to_string(message).ok()?)))
            .collect();
        let retry = news.retry.map(|retry| Duration::from_millis(retry).clamp(RESUME.0, RESUME.1));
        if events.is_empty() && (news.id.is_some() || retry.is_some()) {
            events.push(Sse::default());
        }
        if let Some(last) = events.last_mut() {
            last.id = news.id;
            last.retry = retry.and_then(|retry| u64::try_from(retry.as_millis()).ok());
        }
        events
    }
}

/// One message is a body, several are a stream.
fn single(asked: &Asked, mut messages: Vec<ServerJsonRpcMessage>) -> StreamableHttpPostResponse {
    match (messages.pop(), messages.is_empty()) {
        (Some(message), true) => StreamableHttpPostResponse::Json(message, None),
        (None, _) => StreamableHttpPostResponse::Json(settled(asked.id), None),
        (Some(last), false) => {
            messages.push(last);
            let events = messages
                .into_iter()
                .filter_map(|message| Some(Ok(Sse::default().data(serde_json::to_string(&message).ok()?))));
            StreamableHttpPostResponse::Sse(iter(events.collect::<Vec<_>>()).boxed(), None)
        }
    }
}

impl StreamableHttpClient for Streamable {
    type Error = Trouble;

    async fn post_message(
        &self,
        _uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        _auth_header: Option<String>,
        headers: HashMap<HeaderName, HeaderValue>,
    ) -> Posted {
        let asked = Asked::of(&message);
        if let Some(Asked { id, slot, .. }) = &asked {
            self.reader.exchange().sent(*id, slot.clone());
        }
        let request = self.request(Method::POST, serde_json::to_vec(&message)?, session.as_deref(), headers);
        let posting = self.post(request, asked.as_ref(), session.is_some());
        let outcome = match &asked {
            Some(asked) if asked.discovers => match tokio::time::timeout(DISCOVER_TIMEOUT, posting).await {
                Ok(outcome) => outcome,
                Err(_) => {
                    let error = ErrorData::invalid_request("no answer", None);
                    let error = ServerJsonRpcMessage::error(error, Some(RequestId::Number(asked.id)));
                    return Ok(StreamableHttpPostResponse::Json(error, None));
                }
            },
            _ => posting.await,
        };
        match outcome {
            Ok(Outcome::Answer(answer)) => Ok(answer),
            Ok(Outcome::SessionExpired) => Err(StreamableHttpError::SessionExpired),
            Err(trouble) => {
                self.client.note(&trouble);
                if let Some(slot) = asked.and_then(|asked| asked.slot) {
                    slot.fill(Answer::Failed(trouble.failure()));
                }
                Err(StreamableHttpError::Client(trouble))
            }
        }
    }

    async fn delete_session(
        &self,
        _uri: Arc<str>,
        session: Arc<str>,
        _auth_header: Option<String>,
        headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<(), StreamableHttpError<Trouble>> {
        let request = self.request(Method::DELETE, Vec::new(), Some(&session), headers);
        // Servers may not let clients end sessions, and nothing depends on it.
        let _ = tokio::time::timeout(REPLY_TIMEOUT, self.client.send(request)).await;
        Ok(())
    }

    async fn get_stream(
        &self,
        _uri: Arc<str>,
        session: Option<Arc<str>>,
        last_event_id: Option<String>,
        _auth_header: Option<String>,
        headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<BoxStream<'static, Result<Sse, SseError>>, StreamableHttpError<Trouble>> {
        let resumes = last_event_id.is_some();
        let last = last_event_id.and_then(|id| Some((LAST_EVENT, HeaderValue::from_str(&id).ok()?)));
        let request = self.request(Method::GET, Vec::new(), session.as_deref(), headers).with(last);
        let response = self.client.send(request.clone()).await.map_err(StreamableHttpError::Client)?;
        let status = response.status();
        if !status.is_success() {
            // A server need not offer the stream of what belongs to no request, and says so in many ways.
            return Err(match status.is_client_error() && !resumes {
                true => StreamableHttpError::ServerDoesNotSupportSse,
                false => StreamableHttpError::Client(Trouble::status(&response)),
            });
        }
        let stream = Stream::new(response, self.reader.clone(), None, self.limit_bytes);
        Ok(self.events(stream, request))
    }
}
