//! Responses, and how long they take to be sent.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Frame, SizeHint};
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::bodies::BodyRoom;
use super::endpoint::ProfileEndpoint;
use super::session_table::SessionRequest;

/// The body of every answer. Its request counts as open until it is sent, or given up.
pub(super) struct TrackedBody {
    body: UnsyncBoxBody<Bytes, Infallible>,
    _open: Option<TaskTrackerToken>,
    /// The room that the request takes.
    _held: BodyRoom,
    /// The session whose request it is.
    session_request: Option<SessionRequest>,
    /// Where it was asked for: an endpoint at which something is open is closed when the access to it ends.
    _endpoint: Option<Arc<ProfileEndpoint>>,
}

impl TrackedBody {
    pub(super) fn new(
        body: impl Body<Data = Bytes, Error = Infallible> + Send + 'static,
        open: Option<TaskTrackerToken>,
        held: BodyRoom,
    ) -> Self {
        Self { body: body.boxed_unsync(), _open: open, _held: held, session_request: None, _endpoint: None }
    }

    /// Attaches the request of a session, which is notified when the response was sent completely.
    pub(super) fn of_session(mut self, session_request: Option<SessionRequest>) -> Self {
        self.session_request = session_request;
        self
    }

    /// Keeps the endpoint at which it was asked for.
    pub(super) fn at(mut self, endpoint: Arc<ProfileEndpoint>) -> Self {
        self._endpoint = Some(endpoint);
        self
    }

    fn end(&mut self) {
        if let Some(session_request) = &mut self.session_request {
            session_request.end();
        }
    }
}

impl Body for TrackedBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if matches!(frame, Poll::Ready(None)) {
            self.end();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for TrackedBody {
    fn drop(&mut self) {
        if self.body.is_end_stream() {
            self.end();
        }
    }
}

/// An answer of one line.
pub(super) fn line(status: StatusCode, text: &'static str) -> Response<TrackedBody> {
    with_body(status, "text/plain; charset=utf-8", Bytes::from_static(text.as_bytes()))
}

/// An answer that the client should ask for again after a second.
pub(super) fn later(text: &'static str) -> Response<TrackedBody> {
    let mut response = line(StatusCode::SERVICE_UNAVAILABLE, text);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

pub(super) fn with_body(status: StatusCode, kind: &'static str, body: Bytes) -> Response<TrackedBody> {
    let mut response = Response::new(TrackedBody::new(Full::new(body), None, BodyRoom::default()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
