//! Streamable HTTP: rmcp's transport over our requests.
//!
//! rmcp keeps sessions, their renewal, the resumption of streams, cancellation, and the headers of either era. Here a request
//! goes out and the answer to it is read, whichever of the forms it has that the protocol leaves to the server; what goes
//! wrong is told to the very request that met it.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{BoxStream, StreamExt, unfold};
use http::{HeaderName, HeaderValue, Method};
use rmcp::model::{ClientJsonRpcMessage, ErrorData, RequestId, ServerJsonRpcMessage};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::common::client_side_sse::ExponentialBackoff;
use rmcp::transport::streamable_http_client::{
    SseError, StreamableHttpClient, StreamableHttpClientTransportConfig, StreamableHttpError,
    StreamableHttpPostResponse,
};
use sse_stream::Sse;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::client::{CONNECT_TIMEOUT, Client, Request};
use super::post::Asked;
use super::stream::{News, Stream};
use super::trouble::{Kind, Trouble};
use crate::UpstreamLimits;
use crate::arguments::written;
use crate::exchange::{Answer, Slot};
use crate::reader::{Reader, Reply};
use crate::traced;

/// Replies to a server that wait for their way out; further ones are lost.
const REPLIES: usize = 64;
/// How long a reply, or the goodbye to a session, may take.
const REPLY_TIMEOUT: Duration = Duration::from_secs(5);
/// A server that takes longer to answer `server/discover` is taken for one that does not know it. Less than what rmcp waits,
/// because its transport takes nothing else until the first message is answered.
const DISCOVER_TIMEOUT: Duration = Duration::from_secs(8);
const _: () = assert!(CONNECT_TIMEOUT.as_secs() < DISCOVER_TIMEOUT.as_secs());
/// The shortest and the longest time until a stream is resumed, whatever the server asks for.
const RESUME: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(60));
/// How often in a row that is tried.
const RESUMPTIONS: usize = 10;

pub(super) const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
const LAST_EVENT: HeaderName = HeaderName::from_static("last-event-id");

type Posted = Result<StreamableHttpPostResponse, StreamableHttpError<Trouble>>;

/// What rmcp posts messages with.
#[derive(Clone)]
pub(crate) struct Streamable {
    pub(super) client: Arc<Client>,
    pub(super) reader: Arc<Reader>,
    replies: mpsc::Sender<Request>,
    pub(super) limit_bytes: usize,
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

    pub(super) fn reply(&self, replies: Vec<Reply>, request: &Request) {
        for reply in replies {
            let mut request = request.clone();
            request.method = Method::POST;
            // They are those of the request that the reply belongs to.
            request.headers.remove("mcp-method");
            request.headers.remove("mcp-name");
            let replies = self.replies.clone();
            reply.say(move |reply| {
                request.body = reply.into();
                let _ = replies.try_send(request);
            });
        }
    }

    /// The events of a stream, for rmcp.
    pub(super) fn events(&self, stream: Stream, reply: Request) -> BoxStream<'static, Result<Sse, SseError>> {
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
        if let Some(Asked { id, slot, progress, .. }) = &asked {
            self.reader.exchange().sent(*id, slot.clone(), progress.clone());
            slot.iter().for_each(Slot::sent);
        }
        let request = self.request(Method::POST, written(&message)?, session.as_deref(), headers);
        let leaving = asked.as_ref().and_then(|asked| Some(asked.slot.as_ref()?.leaving().clone()));
        let request = request.with(traced::headers(&message)).leaving(leaving);
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
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => Err(StreamableHttpError::SessionExpired),
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
