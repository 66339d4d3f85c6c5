//! Answers, and how long they are on their way.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Frame, SizeHint};
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::bodies::Held;

/// The body of every answer. Its request counts as open until it is sent, or given up.
pub(super) struct Answered {
    body: UnsyncBoxBody<Bytes, Infallible>,
    _open: Option<TaskTrackerToken>,
    /// The room that the request takes.
    _held: Held,
}

impl Answered {
    pub(super) fn new(
        body: impl Body<Data = Bytes, Error = Infallible> + Send + 'static,
        open: Option<TaskTrackerToken>,
        held: Held,
    ) -> Self {
        Self { body: body.boxed_unsync(), _open: open, _held: held }
    }
}

impl Body for Answered {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An answer of one line.
pub(super) fn line(status: StatusCode, text: &'static str) -> Response<Answered> {
    with_body(status, "text/plain; charset=utf-8", Bytes::from_static(text.as_bytes()))
}

/// An answer that the client should ask for again after a second.
pub(super) fn later(text: &'static str) -> Response<Answered> {
    let mut response = line(StatusCode::SERVICE_UNAVAILABLE, text);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

pub(super) fn with_body(status: StatusCode, kind: &'static str, body: Bytes) -> Response<Answered> {
    let mut response = Response::new(Answered::new(Full::new(body), None, Held::default()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
