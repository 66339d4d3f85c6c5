//! The transport between rmcp and a server's pipes.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rmcp::model::{GetExtensions, GetMeta, JsonRpcMessage, RequestId, ServerJsonRpcMessage};
use rmcp::service::{RoleClient, RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::{mpsc, oneshot};

use crate::arguments::written;
use crate::exchange::{Exchange, Slot};
use crate::lines::{Line, LineEnd, Lines, patience};
use crate::offload::offload;
use crate::reader::{Inbound, Reader};

/// Messages that wait for rmcp, and lines that wait for the pipe.
const QUEUE: usize = 64;
/// A server that does not read a line within this time is broken. Shorter than the default call timeout, so that the two timers
/// do not compete for the outcome.
const WRITE_TIMEOUT: Duration = Duration::from_secs(20);

/// One end of a connection, as rmcp sees it.
pub(crate) struct StdioTransport {
    incoming: mpsc::Receiver<ServerJsonRpcMessage>,
    outgoing: Option<mpsc::Sender<OutgoingLine>>,
    /// Messages that rmcp has given away, in that order: it waits for each in a task of its own.
    line: exuvia_tool::Line,
    exchange: Arc<Exchange>,
}

struct OutgoingLine {
    line: Vec<u8>,
    /// Told when the line is written; dropped when it will not be.
    written: Option<oneshot::Sender<()>>,
}

impl StdioTransport {
    /// Starts to read and write. Both tasks end when the server closes its output or rmcp closes the transport.
    pub(crate) fn new(
        from_server: impl AsyncRead + Send + Unpin + 'static,
        to_server: impl AsyncWrite + Send + Unpin + 'static,
        message_bytes: usize,
        exchange: Arc<Exchange>,
        reader: Reader,
    ) -> Self {
        let (outgoing, lines) = mpsc::channel(QUEUE);
        let (messages, incoming) = mpsc::channel(QUEUE);
        tokio::spawn(write(to_server, lines));
        // Weak, so that rmcp alone decides when the server's input is closed.
        let ends = Sinks { messages, outgoing: outgoing.downgrade() };
        let lines = Lines::new(BufReader::with_capacity(64 * 1024, from_server), message_bytes, LineEnd::Newline);
        tokio::spawn(async move {
            tokio::select! {
                () = listen(lines, message_bytes, &reader, &ends) => {}
                () = ends.messages.closed() => {}
            }
        });
        Self { incoming, outgoing: Some(outgoing), line: exuvia_tool::Line::default(), exchange }
    }
}

impl Transport<RoleClient> for StdioTransport {
    type Error = io::Error;

    fn send(
        &mut self,
        item: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        let line = written(&item).map(|mut line| {
            line.push(b'\n');
            line
        });
        if let (Ok(_), JsonRpcMessage::Request(request)) = (&line, &item)
            && let RequestId::Number(id) = request.id
        {
            let progress = request.request.get_meta().get_progress_token();
            self.exchange.sent(id, request.request.extensions().get::<Slot>().cloned(), progress);
        }
        let (outgoing, place) = (self.outgoing.clone(), self.line.enter());
        async move {
            place.first().await;
            let (written, done) = oneshot::channel();
            let closed = || io::Error::from(io::ErrorKind::BrokenPipe);
            let outgoing = outgoing.ok_or_else(closed)?;
            outgoing.send(OutgoingLine { line: line?, written: Some(written) }).await.map_err(|_| closed())?;
            drop(place);
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

/// Writes lines until their channel closes; the pipe closes when this function returns.
async fn write(mut pipe: impl AsyncWrite + Unpin, mut lines: mpsc::Receiver<OutgoingLine>) {
    while let Some(OutgoingLine { line, written }) = lines.recv().await {
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

/// Where inbound messages and replies go.
struct Sinks {
    messages: mpsc::Sender<ServerJsonRpcMessage>,
    outgoing: mpsc::WeakSender<OutgoingLine>,
}

impl Sinks {
    async fn forward(&self, inbound: Inbound) {
        for reply in inbound.replies {
            let outgoing = self.outgoing.clone();
            // A server that floods us with requests and does not read our answers loses some of them.
            reply.deliver_with(move |reply| {
                if let Some(outgoing) = outgoing.upgrade() {
                    let line = format!("{reply}\n").into_bytes();
                    let _ = outgoing.try_send(OutgoingLine { line, written: None });
                }
            });
        }
        for message in inbound.messages {
            let _ = self.messages.send(message).await;
        }
    }
}

/// Reads until the server closes its output, or does not end a line.
async fn listen(
    mut lines: Lines<BufReader<impl AsyncRead + Unpin>>,
    message_bytes: usize,
    reader: &Reader,
    ends: &Sinks,
) {
    while let Ok(Some(line)) = lines.next().await {
        let (head, bytes) = match line {
            Line::Whole(line) => {
                let reader = reader.clone();
                ends.forward(offload(line.len(), move || reader.message(line, None)).await).await;
                continue;
            }
            Line::Long { head, bytes } => (head, bytes),
        };
        let known = reader.long(&head, bytes, None);
        let is_known = known.is_some();
        ends.forward(known.unwrap_or_default()).await;
        let Ok(rest) = lines.rest(patience(message_bytes, is_known)).await else { return };
        if !is_known {
            ends.forward(reader.long_ended(&rest.tail, rest.bytes)).await;
        }
        if !rest.ended {
            tracing::warn!(bytes = rest.bytes, "upstream line too long; connection closed");
            return;
        }
    }
}
