//! Streamable HTTP: rmcp's transport over our requests.
//!
//! rmcp keeps sessions, their renewal, the resumption of streams, cancellation, and the headers of either era. Here a request
//! goes out and the answer to it is read, whichever of the forms it has that the protocol leaves to the server; what goes
//! wrong is reported to the request that caused it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use exuvia_config::UpstreamLimits;
use futures_util::stream::BoxStream;
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

use super::client::{CONNECT_TIMEOUT, HttpClient, HttpRequest};
use super::error::HttpError;
use super::post::OutgoingRequest;
use super::stream::Stream;
use super::streamable::{RESUME, Streamable};
use crate::arguments::written;
use crate::exchange::{ServerAnswer, Slot};
use crate::reader::Reader;
use crate::trace_context;

/// Queued replies to a server; further ones are dropped.
const REPLIES: usize = 64;
/// How long a reply, or the goodbye to a session, may take.
const REPLY_TIMEOUT: Duration = Duration::from_secs(5);
/// A server that takes longer to answer `server/discover` is taken for one that does not know it. Less than what rmcp waits,
/// because its transport takes nothing else until the first message is answered.
const DISCOVER_TIMEOUT: Duration = Duration::from_secs(8);
const _: () = assert!(CONNECT_TIMEOUT.as_secs() < DISCOVER_TIMEOUT.as_secs());
/// How often in a row a stream is resumed.
const RESUMPTIONS: usize = 10;

const LAST_EVENT: HeaderName = HeaderName::from_static("last-event-id");

type Posted = Result<StreamableHttpPostResponse, StreamableHttpError<HttpError>>;

/// The transport of a connection, and what is cancelled when rmcp is done with it.
pub(crate) fn transport(
    client: Arc<HttpClient>,
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

/// Sends replies until their channel closes.
async fn reply(client: Arc<HttpClient>, mut outgoing: mpsc::Receiver<HttpRequest>, done: CancellationToken) {
    let _done = done.drop_guard();
    while let Some(request) = outgoing.recv().await {
        let _ = tokio::time::timeout(REPLY_TIMEOUT, client.send(request)).await;
    }
}

impl StreamableHttpClient for Streamable {
    type Error = HttpError;

    async fn post_message(
        &self,
        _uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        _auth_header: Option<String>,
        headers: HashMap<HeaderName, HeaderValue>,
    ) -> Posted {
        let asked = OutgoingRequest::of(&message);
        if let Some(OutgoingRequest { id, slot, progress, .. }) = &asked {
            self.reader.exchange().sent(*id, slot.clone(), progress.clone());
            slot.iter().for_each(Slot::sent);
        }
        let request = self.request(Method::POST, written(&message)?, session.as_deref(), headers);
        let leaving = asked.as_ref().and_then(|asked| Some(asked.slot.as_ref()?.leaving().clone()));
        let request = request.with(trace_context::headers(&message)).leaving(leaving);
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
            Err(http_error) => {
                self.client.note(&http_error);
                if let Some(slot) = asked.and_then(|asked| asked.slot) {
                    slot.fill(ServerAnswer::Failed(http_error.failure()));
                }
                Err(StreamableHttpError::Client(http_error))
            }
        }
    }

    async fn delete_session(
        &self,
        _uri: Arc<str>,
        session: Arc<str>,
        _auth_header: Option<String>,
        headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<(), StreamableHttpError<HttpError>> {
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
    ) -> Result<BoxStream<'static, Result<Sse, SseError>>, StreamableHttpError<HttpError>> {
        let resumes = last_event_id.is_some();
        let last = last_event_id.and_then(|id| Some((LAST_EVENT, HeaderValue::from_str(&id).ok()?)));
        let request = self.request(Method::GET, Vec::new(), session.as_deref(), headers).with(last);
        let response = self.client.send(request.clone()).await.map_err(StreamableHttpError::Client)?;
        let status = response.status();
        if !status.is_success() {
            // A server need not offer a stream of notifications, and rejects it with various statuses.
            return Err(match status.is_client_error() && !resumes {
                true => StreamableHttpError::ServerDoesNotSupportSse,
                false => StreamableHttpError::Client(HttpError::status(&response)),
            });
        }
        let stream = Stream::new(response, self.reader.clone(), None, self.limit_bytes);
        Ok(self.events(stream, request))
    }
}
