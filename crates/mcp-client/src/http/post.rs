//! One `POST` of Streamable HTTP, and its possible responses.

use bytes::Bytes;
use exuvia_tool::raw;
use futures_util::stream::{StreamExt, iter};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use reqwest::Response;
use rmcp::model::{
    ClientJsonRpcMessage, ClientRequest, ErrorData, GetExtensions, GetMeta, JsonRpcMessage, ProgressToken, RequestId,
    ServerJsonRpcMessage,
};
use rmcp::transport::streamable_http_client::StreamableHttpPostResponse;
use sse_stream::Sse;

use super::body::{ERROR_BYTES, Message, message};
use super::client::HttpRequest;
use super::error::{HttpError, HttpErrorKind};
use super::session::{Loss, loss};
use super::stream::Stream;
use super::streamable::{SESSION, Streamable};
use crate::exchange::{ServerAnswer, Slot};
use crate::offload::offload;
use crate::reader::{settled, unreadable};

/// The request that a message is.
pub(super) struct OutgoingRequest {
    pub(super) id: i64,
    /// Where the answer goes; rmcp itself reads the answers to the handshake, which have none.
    pub(super) slot: Option<Slot>,
    /// The token of the server's progress notifications.
    pub(super) progress: Option<ProgressToken>,
    pub(super) discovers: bool,
}

impl OutgoingRequest {
    pub(super) fn of(message: &ClientJsonRpcMessage) -> Option<Self> {
        let JsonRpcMessage::Request(request) = message else { return None };
        let RequestId::Number(id) = request.id else { return None };
        let slot = request.request.extensions().get::<Slot>().cloned();
        let progress = request.request.get_meta().get_progress_token();
        Some(Self { id, slot, progress, discovers: matches!(request.request, ClientRequest::DiscoverRequest(_)) })
    }
}

impl Streamable {
    /// Sends a message and reads the answer, if it asks for one. `None`: the server does not know the session, and therefore did
    /// nothing.
    pub(super) async fn post(
        &self,
        request: HttpRequest,
        asked: Option<&OutgoingRequest>,
        has_session: bool,
    ) -> Result<Option<StreamableHttpPostResponse>, HttpError> {
        // What a reply to the server needs, should it ask for something.
        let reply = HttpRequest { body: Bytes::new(), ..request.clone() }.leaving(None);
        let response = self.client.send(request).await?;
        let status = response.status();
        match asked {
            Some(asked) if status.is_success() => self.read(response, asked, reply).await.map(Some),
            Some(asked) => self.refused(response, asked, has_session.then_some(&reply)).await,
            None if status == StatusCode::NOT_FOUND && has_session => Ok(None),
            None if status.is_success() => Ok(Some(StreamableHttpPostResponse::Accepted)),
            None => Err(HttpError::status(&response)),
        }
    }

    /// The answer is a stream of events or one body.
    async fn read(
        &self,
        response: Response,
        asked: &OutgoingRequest,
        reply: HttpRequest,
    ) -> Result<StreamableHttpPostResponse, HttpError> {
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        let session = header(SESSION).map(str::to_owned);
        let content = header(CONTENT_TYPE).unwrap_or_default().to_owned();
        match content.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            "text/event-stream" => {
                self.client.remember(None);
                let stream = Stream::new(response, self.reader.clone(), Some(asked.id), self.limit_bytes);
                Ok(StreamableHttpPostResponse::Sse(self.events(stream, reply), session))
            }
            "application/json" => {
                let inbound = match message(response, self.limit_bytes).await? {
                    Message::Whole(body) => {
                        let (reader, id) = (self.reader.clone(), asked.id);
                        offload(body.len(), move || reader.message(body, Some(id))).await
                    }
                    Message::Long { head, bytes } => self.reader.long(&head, bytes, Some(asked.id)).unwrap_or_default(),
                };
                self.client.remember(None);
                self.reply(inbound.replies, &reply);
                Ok(answer(self.settle(asked, inbound.messages), session))
            }
            "" => Err(HttpError::new(
                HttpErrorKind::Content,
                format!("it answered with HTTP {} and an empty body", response.status()),
            )),
            _ => Err(HttpError::content(&content)),
        }
    }

    /// An error status may come with the error that the protocol has for it. `in_session`: a request in the same session.
    async fn refused(
        &self,
        response: Response,
        asked: &OutgoingRequest,
        in_session: Option<&HttpRequest>,
    ) -> Result<Option<StreamableHttpPostResponse>, HttpError> {
        let http_error = HttpError::status(&response);
        let status = response.status();
        let body = match message(response, ERROR_BYTES).await {
            Ok(Message::Whole(body)) => body,
            _ => Vec::new(),
        };
        let text = String::from_utf8_lossy(&body);
        if let Some(slot) = &asked.slot {
            if let Some(request) = in_session
                && self.is_session_lost(loss(status, &text, asked.id), request, slot).await
            {
                tracing::debug!(server.name = self.client.server(), %status, "the server has lost the session");
                return if slot.awaits_session() { Ok(None) } else { Err(http_error.of(HttpErrorKind::Session)) };
            }
            if raw::member(&text, "error").is_none() {
                return Err(http_error);
            }
            let inbound = self.reader.message(body, Some(asked.id));
            return Ok(Some(answer(self.settle(asked, inbound.messages), None)));
        }
        let error = match serde_json::from_str(&text) {
            Ok(ServerJsonRpcMessage::Error(error)) => Some(error.error),
            // A server without `server/discover` may reject it with any status.
            _ if asked.discovers && http_error.is_refusal() => Some(ErrorData::invalid_request("refused", None)),
            _ => None,
        };
        let Some(error) = error else { return Err(http_error) };
        // No news for the operator, but what decides whether the older transport is tried.
        self.client.remember(Some(&http_error));
        let error = ServerJsonRpcMessage::error(error, Some(RequestId::Number(asked.id)));
        Ok(Some(StreamableHttpPostResponse::Json(error, None)))
    }

    /// Whether the server has lost the session and did not take the request.
    async fn is_session_lost(&self, loss: Loss, request: &HttpRequest, slot: &Slot) -> bool {
        match loss {
            Loss::None => false,
            Loss::Certain => true,
            Loss::Possible { .. } if !self.refuses_session(request).await => false,
            Loss::Possible { refused } => {
                if !refused {
                    slot.lost_session();
                }
                refused
            }
        }
    }

    /// Nothing more will come for a request: if it has no answer, that is the answer.
    fn settle(&self, asked: &OutgoingRequest, mut messages: Vec<ServerJsonRpcMessage>) -> Vec<ServerJsonRpcMessage> {
        if self.reader.exchange().is_pending(asked.id) {
            self.reader.exchange().forget(asked.id);
            messages.push(match &asked.slot {
                Some(slot) => {
                    slot.fill(ServerAnswer::Unreadable("a message that is not the response"));
                    settled(asked.id)
                }
                None => unreadable(asked.id),
            });
        }
        messages
    }
}

/// What rmcp is given: one message is a body, several are a stream.
fn answer(mut messages: Vec<ServerJsonRpcMessage>, session: Option<String>) -> StreamableHttpPostResponse {
    if messages.len() == 1
        && let Some(message) = messages.pop()
    {
        return StreamableHttpPostResponse::Json(message, session);
    }
    let event = |message: &ServerJsonRpcMessage| Some(Ok(Sse::default().data(serde_json::to_string(message).ok()?)));
    let events: Vec<_> = messages.iter().filter_map(event).collect();
    StreamableHttpPostResponse::Sse(iter(events).boxed(), session)
}
