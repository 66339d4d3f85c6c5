//! The stream on which a session of the legacy era listens: the messages of the protocol, and notifications of changed tools.
//!
//! Changes are not sent through rmcp: every message through its session, even an unread one, resets the session's idle timeout.
//! Here they are sent to connected clients, as fast as each of them reads.

use std::collections::HashMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use exuvia_gateway::Client;
use exuvia_tool::BoxFuture;
use http_body_util::combinators::BoxBody;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::watch;

use crate::changes::Changes;
use crate::mcp_handler::McpHandler;
use crate::updates::{self, Updates};

/// A change, as an event.
const CHANGED: &[u8] = b"data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}\n\n";

/// The open event streams of sessions. Of several streams of a session, only the latest carries change notifications.
#[derive(Debug, Default)]
pub(super) struct SessionStreams {
    open: Mutex<Open>,
    /// A stream has ended: another one may be the latest now.
    ended: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Open {
    /// In the order in which they came.
    streams: HashMap<Client, Vec<u64>>,
    opened: u64,
}

/// One stream of a session, until it is dropped.
#[derive(Debug)]
struct Stream {
    session: Client,
    number: u64,
    all: Arc<SessionStreams>,
}

impl SessionStreams {
    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stream(self: &Arc<Self>, session: Client) -> Stream {
        let mut open = self.open();
        open.opened += 1;
        let number = open.opened;
        open.streams.entry(session.clone()).or_default().push(number);
        Stream { session, number, all: Arc::clone(self) }
    }
}

impl Stream {
    fn is_latest(&self) -> bool {
        self.all.open().streams.get(&self.session).and_then(|streams| streams.last()) == Some(&self.number)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let mut open = self.all.open();
        if let Some(streams) = open.streams.get_mut(&self.session) {
            streams.retain(|&number| number != self.number);
            if streams.is_empty() {
                open.streams.remove(&self.session);
            } else {
                self.all.ended.send_replace(());
            }
        }
    }
}

/// Pending resource updates, and the signal that this stream is to send them.
type Updated = (Updates, watch::Receiver<()>);

/// Such a stream.
pub(super) struct SessionStream {
    body: BoxBody<Bytes, Infallible>,
    /// The next change, and what waits for the one after it.
    change: Option<BoxFuture<'static, Option<Changes>>>,
    /// The same of resources.
    update: Option<BoxFuture<'static, Option<Updated>>>,
    stream: Stream,
}

impl SessionStream {
    /// The stream of a session, with our notifications added.
    pub(super) fn new(
        body: BoxBody<Bytes, Infallible>,
        session: Client,
        handler: McpHandler,
        listeners: &Arc<SessionStreams>,
    ) -> Self {
        let ended = listeners.ended.subscribe();
        let update = Some(first_update(handler.clone(), session.clone(), ended));
        Self { body, change: Some(first(handler)), update, stream: listeners.stream(session) }
    }

    /// Whether a change of the tool list is pending for this stream.
    fn poll_change(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while let Some(change) = &mut self.change {
            let Poll::Ready(changed) = change.as_mut().poll(context) else { return Poll::Pending };
            self.change = changed.map(next);
            if self.change.is_some() && self.stream.is_latest() {
                return Poll::Ready(());
            }
        }
        Poll::Pending
    }
}

impl SessionStream {
    /// The pending resource updates of this stream.
    fn poll_updates(&mut self, context: &mut Context<'_>) -> Poll<Bytes> {
        while let Some(update) = &mut self.update {
            let Poll::Ready(updated) = update.as_mut().poll(context) else { return Poll::Pending };
            let is_latest = self.stream.is_latest();
            let told = updated.as_ref().filter(|_| is_latest).map(|(updates, _)| updates.take()).unwrap_or_default();
            self.update = updated.map(next_update);
            if !told.is_empty() {
                return Poll::Ready(updates::events(&told).into());
            }
        }
        Poll::Pending
    }
}

fn first_update(
    handler: McpHandler,
    session: Client,
    ended: watch::Receiver<()>,
) -> BoxFuture<'static, Option<Updated>> {
    Box::pin(async move { next_update((handler.updates(session).await?, ended)).await })
}

fn next_update((mut updates, mut ended): Updated) -> BoxFuture<'static, Option<Updated>> {
    Box::pin(async move {
        tokio::select! {
            next = updates.next() => next?,
            ended = ended.changed() => {
                ended.ok()?;
                updates.look_again();
            }
        }
        Some((updates, ended))
    })
}

/// The gateway may still be starting, and the stream is there at once.
fn first(handler: McpHandler) -> BoxFuture<'static, Option<Changes>> {
    Box::pin(async move { next(handler.changes().await?).await })
}

fn next(mut changes: Changes) -> BoxFuture<'static, Option<Changes>> {
    Box::pin(async move { changes.next().await.map(|()| changes) })
}

impl Body for SessionStream {
    type Data = Bytes;
    type Error = Infallible;

    /// Events of the protocol come whole, so another one fits between two of them.
    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let said = Pin::new(&mut self.body).poll_frame(context);
        if said.is_ready() {
            return said;
        }
        let told = match self.poll_change(context) {
            Poll::Ready(()) => Poll::Ready(Bytes::from_static(CHANGED)),
            Poll::Pending => self.poll_updates(context),
        };
        told.map(|event| Some(Ok(Frame::data(event))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
