//! What rmcp posts messages with: requests in a session, and the events that answer them.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{BoxStream, StreamExt, unfold};
use http::{HeaderName, HeaderValue, Method};
use rmcp::transport::streamable_http_client::SseError;
use sse_stream::Sse;
use tokio::sync::mpsc;

use super::client::{HttpClient, HttpRequest};
use super::error::{HttpError, HttpErrorKind};
use super::stream::{Stream, StreamEvent};
use crate::reader::{Reader, Reply};

/// The shortest and the longest time until a stream is resumed, whatever the server asks for.
pub(super) const RESUME: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(60));

pub(super) const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");

/// What rmcp posts messages with.
#[derive(Clone)]
pub(crate) struct Streamable {
    pub(super) client: Arc<HttpClient>,
    pub(super) reader: Arc<Reader>,
    pub(super) replies: mpsc::Sender<HttpRequest>,
    pub(super) limit_bytes: usize,
}

impl Streamable {
    pub(super) fn request(
        &self,
        method: Method,
        body: Vec<u8>,
        session: Option<&str>,
        headers: HashMap<HeaderName, HeaderValue>,
    ) -> HttpRequest {
        let url = self.client.url().clone();
        let mut request =
            if method == Method::GET { HttpRequest::events(url) } else { HttpRequest::post(url, body) }.with(headers);
        request.method = method;
        // A session id that is no header value came from the server's header: it cannot happen.
        request.with(session.and_then(|id| Some((SESSION, HeaderValue::from_str(id).ok()?))))
    }

    pub(super) fn reply(&self, replies: Vec<Reply>, request: &HttpRequest) {
        for reply in replies {
            let mut request = request.clone().into_message();
            // They are those of the request that the reply belongs to.
            request.headers.remove("last-event-id");
            request.headers.remove("mcp-method");
            request.headers.remove("mcp-name");
            let replies = self.replies.clone();
            reply.deliver_with(move |reply| {
                request.body = reply.into();
                let _ = replies.try_send(request);
            });
        }
    }

    /// The events of a stream, for rmcp.
    pub(super) fn events(&self, stream: Stream, reply: HttpRequest) -> BoxStream<'static, Result<Sse, SseError>> {
        let state = (self.clone(), stream, reply, VecDeque::new());
        let next = |(streamable, mut stream, reply, mut ready): (Self, Stream, HttpRequest, VecDeque<Sse>)| async move {
            loop {
                if let Some(event) = ready.pop_front() {
                    return Some((Ok(event), (streamable, stream, reply, ready)));
                }
                match stream.next().await {
                    Ok(Some(stream_event)) => ready.extend(streamable.sse_events(stream_event, &reply)),
                    Ok(None) => return None,
                    Err(error) => {
                        let http_error = HttpError::new(HttpErrorKind::BrokenOff, error.to_string());
                        streamable.client.note(&http_error);
                        return Some((Err(SseError::Body(Box::new(http_error))), (streamable, stream, reply, ready)));
                    }
                }
            }
        };
        unfold(state, next).boxed()
    }

    /// What rmcp is given of an event: its messages, and the id to resume from.
    fn sse_events(&self, stream_event: StreamEvent, reply: &HttpRequest) -> Vec<Sse> {
        self.reply(stream_event.inbound.replies, reply);
        let mut events: Vec<Sse> = stream_event
            .inbound
            .messages
            .iter()
            .filter_map(|message| Some(Sse::default().data(serde_json::to_string(message).ok()?)))
            .collect();
        let retry = stream_event.retry.map(|retry| Duration::from_millis(retry).clamp(RESUME.0, RESUME.1));
        if events.is_empty() && (stream_event.id.is_some() || retry.is_some()) {
            events.push(Sse::default());
        }
        if let Some(last) = events.last_mut() {
            last.id = stream_event.id;
            last.retry = retry.and_then(|retry| u64::try_from(retry.as_millis()).ok());
        }
        events
    }
}
