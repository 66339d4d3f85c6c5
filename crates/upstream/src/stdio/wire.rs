//! The transport between rmcp and a server's pipes.
//!
//! rmcp keeps the protocol: which era a server speaks, the numbers of requests, cancellation. What servers say is read
//! here, for three reasons. A line is bounded and an oversized one becomes the answer of its request (rmcp drops it, and the
//! request times out). Answers to calls and lists are kept as written: rmcp's types would refuse a whole list for one bad
//! tool and lose what they do not know. And notifications, which nobody reads, never become tasks.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rmcp::model::{ClientRequest, ErrorData, JsonRpcMessage, RequestId, ServerJsonRpcMessage, ServerResult};
use rmcp::service::{RoleClient, RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::{Notify, mpsc, oneshot};

use super::lines::{Line, id_at_ends, next_line};
use crate::exchange::{Answer, Exchange, Recipient, Slot, Written};
use crate::message::{Body, Message, read};

/// Messages that wait for rmcp, and lines that wait for the pipe.
const QUEUE: usize = 64;
/// The longest answer to the handshake: rmcp keeps it.
const HANDSHAKE_BYTES: usize = 1 << 20;
/// A server that does not take a line within this time is broken.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// One end of a connection, as rmcp sees it.
pub(crate) struct Wire {
    incoming: mpsc::Receiver<ServerJsonRpcMessage>,
    outgoing: Option<mpsc::Sender<Outgoing>>,
    exchange: Arc<Exchange>,
}

struct Outgoing {
    line: Vec<u8>,
    /// Told when the line is written; dropped when it will not be.
    written: Option<oneshot::Sender<()>>,
}

impl Wire {
    /// Starts to read and write. Both tasks end when the server closes its output or rmcp closes the transport.
    pub(crate) fn new(
        from_server: impl AsyncRead + Send + Unpin + 'static,
        to_server: impl AsyncWrite + Send + Unpin + 'static,
        line_bytes: usize,
        exchange: Arc<Exchange>,
        list_changed: Arc<Notify>,
        server: &str,
    ) -> Self {
        let (outgoing, lines) = mpsc::channel(QUEUE);
        let (messages, incoming) = mpsc::channel(QUEUE);
        tokio::spawn(write(to_server, lines));
        let reader = Reader {
            exchange: exchange.clone(),
            messages,
            // Weak, so that rmcp alone decides when the server's input is closed.
            outgoing: outgoing.downgrade(),
            list_changed,
            server: server.to_owned(),
        };
        tokio::spawn(reader.run(BufReader::with_capacity(64 * 1024, from_server), line_bytes));
        Self { incoming, outgoing: Some(outgoing), exchange }
    }
}

impl Transport<RoleClient> for Wire {
    type Error = io::Error;

    fn send(
        &mut self,
        item: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        let line = serde_json::to_vec(&item).map(|mut line| {
            line.push(b'\n');
            line
        });
        if let (Ok(_), JsonRpcMessage::Request(request)) = (&line, &item)
            && let RequestId::Number(id) = request.id
        {
            let slot = match &request.request {
                ClientRequest::CallToolRequest(request) => request.extensions.get::<Slot>(),
                ClientRequest::ListToolsRequest(request) => request.extensions.get::<Slot>(),
                _ => None,
            };
            self.exchange.sent(id, slot.cloned());
        }
        let outgoing = self.outgoing.clone();
        async move {
            let (written, done) = oneshot::channel();
            let closed = || io::Error::from(io::ErrorKind::BrokenPipe);
            let outgoing = outgoing.ok_or_else(closed)?;
            outgoing.send(Outgoing { line: line?, written: Some(written) }).await.map_err(|_| closed())?;
            done.await.map_err(|_| closed())
        }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        self.incoming.recv().await
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.outgoing = None;
        Ok(())
    }
}

/// Writes lines until nobody can send any more; the pipe closes with the end of this function.
async fn write(mut pipe: impl AsyncWrite + Unpin, mut lines: mpsc::Receiver<Outgoing>) {
    while let Some(Outgoing { line, written }) = lines.recv().await {
        let write = async {
            pipe.write_all(&line).await?;
            pipe.flush().await
        };
        match tokio::time::timeout(WRITE_TIMEOUT, write).await {
            Ok(Ok(())) => {
                if let Some(written) = written {
                    let _ = written.send(());
                }
            }
            // Half a line may have gone out: nothing that follows could be understood.
            Ok(Err(_)) | Err(_) => return,
        }
    }
}

struct Reader {
    exchange: Arc<Exchange>,
    messages: mpsc::Sender<ServerJsonRpcMessage>,
    outgoing: mpsc::WeakSender<Outgoing>,
    list_changed: Arc<Notify>,
    server: String,
}

impl Reader {
    async fn run(self, mut pipe: BufReader<impl AsyncRead + Unpin>, line_bytes: usize) {
        loop {
            let line = tokio::select! {
                line = next_line(&mut pipe, line_bytes) => line,
                () = self.messages.closed() => return,
            };
            match line {
                Ok(Some(line)) => {
                    if self.line(line).await.is_none() {
                        return;
                    }
                }
                Ok(None) | Err(_) => return,
            }
        }
    }

    /// `None` when rmcp is gone.
    async fn line(&self, line: Line) -> Option<()> {
        let line = match line {
            Line::Whole(line) => line,
            Line::Oversized { head, tail, bytes } => {
                tracing::warn!(server.name = %self.server, bytes, "a line of the server is over the limit");
                let ids = id_at_ends(&head, &tail).or_else(|| self.exchange.only());
                for id in ids.map_or_else(|| self.exchange.all(), |id| vec![id]) {
                    self.answer(id, Answer::Oversized { bytes }).await?;
                }
                return Some(());
            }
        };
        let (line, message) = read(line);
        match message {
            Message::Answer { id, body } => match id.or_else(|| self.exchange.only()) {
                Some(id) => return self.deliver(id, body, line).await,
                None => tracing::warn!(server.name = %self.server, "an answer of the server names no request"),
            },
            Message::Request { id, method } => self.refuse(&id, &method),
            Message::Notification { method } => {
                if method == "notifications/tools/list_changed" {
                    self.list_changed.notify_one();
                }
                tracing::trace!(server.name = %self.server, method, "notification");
            }
            Message::Garbage(what) => {
                tracing::debug!(server.name = %self.server, what, "a line of the server is no message");
            }
        }
        Some(())
    }

    async fn deliver(&self, id: i64, body: Body, line: String) -> Option<()> {
        let Some(recipient) = self.exchange.answered(id) else {
            tracing::debug!(server.name = %self.server, id, "an answer comes late or twice");
            return Some(());
        };
        let message = match recipient {
            Recipient::Slot(slot) => {
                slot.fill(match body {
                    Body::Result(part) => Answer::Result(Written::new(line, part)),
                    Body::Error { code, message, data } => Answer::Error { code, message, data },
                    Body::NotText => Answer::Unreadable("bytes that are not UTF-8"),
                });
                settled(id)
            }
            Recipient::Handshake if line.len() > HANDSHAKE_BYTES => unreadable(id),
            // From the text, never through a `Value`: from a tree rmcp's types refuse integers beyond 64 bits.
            Recipient::Handshake => serde_json::from_str(&line).unwrap_or_else(|_| unreadable(id)),
        };
        self.messages.send(message).await.ok()
    }

    async fn answer(&self, id: i64, answer: Answer) -> Option<()> {
        let message = match self.exchange.answered(id) {
            Some(Recipient::Slot(slot)) => {
                slot.fill(answer);
                settled(id)
            }
            Some(Recipient::Handshake) => unreadable(id),
            None => return Some(()),
        };
        self.messages.send(message).await.ok()
    }

    /// The server asks us. We have nothing to offer but a sign of life.
    fn refuse(&self, id: &str, method: &str) {
        let line = if method == "ping" {
            format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{{}}}}\n")
        } else {
            self.exchange.asked(method);
            format!(
                "{{\"jsonrpc\":\"2.0\",\"id\":{id},\"error\":{{\"code\":-32601,\"message\":\"not offered by this client\"}}}}\n"
            )
        };
        // A server that floods us with requests and does not read our answers loses some of them.
        if let Some(outgoing) = self.outgoing.upgrade() {
            let _ = outgoing.try_send(Outgoing { line: line.into_bytes(), written: None });
        }
    }
}

/// What rmcp hears of an answer that went to a slot.
fn settled(id: i64) -> ServerJsonRpcMessage {
    ServerJsonRpcMessage::response(ServerResult::empty(()), RequestId::Number(id))
}

/// What rmcp hears of a handshake answer that is none.
fn unreadable(id: i64) -> ServerJsonRpcMessage {
    let error = ErrorData::internal_error("the answer cannot be read", None);
    ServerJsonRpcMessage::error(error, Some(RequestId::Number(id)))
}
