//! Server-sent events: a stream that ends with its source, its client, or the program.

use std::convert::Infallible;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt as _};
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use serde::Serialize;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

use crate::answer::{Body, bytes_of};

/// How often something is sent to a client for whom nothing happens: a proxy or a client that is gone is noticed.
const QUIET: Duration = Duration::from_secs(15);

/// One event.
pub(crate) struct ServerEvent {
    name: &'static str,
    data: String,
}

impl ServerEvent {
    /// An event with a value as its data.
    pub(crate) fn new(name: &'static str, value: &impl Serialize) -> Self {
        // In one line: JSON has no line ends but between values.
        Self { name, data: serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned()) }
    }

    fn text(&self) -> Bytes {
        format!("event: {}\ndata: {}\n\n", self.name, self.data).into()
    }
}

/// A stream of events, and the place that it takes.
pub(crate) struct Events {
    events: Pin<Box<dyn Stream<Item = ServerEvent> + Send>>,
    over: CancellationToken,
    place: OwnedSemaphorePermit,
}

impl Events {
    /// These events, until `over`.
    pub(crate) fn new(
        events: impl Stream<Item = ServerEvent> + Send + 'static,
        over: CancellationToken,
        place: OwnedSemaphorePermit,
    ) -> Self {
        Self { events: Box::pin(events), over, place }
    }

    pub(crate) fn into_response(self) -> Response<Body> {
        let Self { events, over, place } = self;
        // Sent at once, so that a client sees that it is connected.
        let hello = stream::once(async { Bytes::from_static(b": connected\n\n") });
        let rest = stream::unfold((events, over, place), |(mut events, over, place)| async move {
            let bytes = tokio::select! {
                () = over.cancelled() => None,
                event = tokio::time::timeout(QUIET, events.next()) => match event {
                    Ok(event) => event.map(|event| event.text()),
                    Err(_) => Some(Bytes::from_static(b": quiet\n\n")),
                },
            };
            bytes.map(|bytes| (bytes, (events, over, place)))
        });
        let frames = hello.chain(rest).map(|bytes| Ok::<_, Infallible>(Frame::data(bytes)));
        let mut response = bytes_of(StatusCode::OK, "text/event-stream", Bytes::new());
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        *response.body_mut() = StreamBody::new(frames).boxed_unsync();
        response
    }
}
