//! What rmcp posts messages with: requests in a session, and the events that answer them.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{BoxStream, StreamExt, unfold};
use http::{HeaderName, HeaderValue, Method};
use rmcp::transport::streamable_http_client::SseError;
use sse_stream::Sse;
use tokio::sync::mpsc;

use super::client::{Client, Request};
use super::stream::{News, Stream};
use super::trouble::{Kind, Trouble};
use crate::reader::{Reader, Reply};

/// The shortest and the longest time until a stream is resumed, whatever the server asks for.
pub(super) const RESUME: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(60));

pub(super) const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");

/// What rmcp posts messages with.
#[derive(Clone)]
pub(crate) struct Streamable {
    pub(super) client: Arc<Client>,
    pub(super) reader: Arc<Reader>,
    pub(super) replies: mpsc::Sender<Request>,
    pub(super) limit_bytes: usize,
}

impl Streamable {
    pub(super) fn request(
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
