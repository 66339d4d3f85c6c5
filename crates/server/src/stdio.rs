//! MCP over standard input and output.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rmcp::ServiceExt as _;
use rmcp::transport::io::stdio_pipes;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::PendingGateway;
use crate::client::of_pipe;
use crate::mcp_handler::McpHandler;
use crate::mistakes::Mistakes;
use crate::pipe::Pipe;
use crate::viewer::Viewer;

/// The longest message of a client, in bytes: the largest script, escaped, and room for its envelope.
const LINE_BYTES: usize = 16 << 20;

/// The interval at which running work is polled.
const GLANCE: Duration = Duration::from_millis(20);
/// How long scripts that are cancelled at the end may take to end.
const LAST_REPORTS: Duration = Duration::from_secs(3);

/// The connection could not be served. Its source says why.
#[derive(Debug)]
pub struct ServeError {
    kind: ServeErrorKind,
    source: Box<dyn Error + Send + Sync>,
}

/// When a connection could no longer be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ServeErrorKind {
    /// The client's first messages are no handshake.
    Handshake,
    /// The task that serves it ended before the client did.
    Broken,
}

impl ServeError {
    fn new(kind: ServeErrorKind, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind, source: source.into() }
    }

    /// When it was.
    #[must_use]
    pub fn kind(&self) -> ServeErrorKind {
        self.kind
    }
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            ServeErrorKind::Handshake => "the client did not complete a handshake",
            ServeErrorKind::Broken => "connection lost",
        })
    }
}

impl Error for ServeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.source)
    }
}

/// Serves one client, who sees what this profile shows, until it closes our standard input or `cancellation` is cancelled, which
/// cancels what runs. Answers that are still out when the input closes have rmcp's 5 s to get there; runs that take longer end with
/// the connection, or go on, as the policy for clients that go away says.
///
/// # Errors
///
/// The client's first messages are no handshake.
pub async fn serve_stdio(
    gateway: PendingGateway,
    profile: Option<&str>,
    cancellation: CancellationToken,
) -> Result<(), ServeError> {
    let (input, output) = stdio_pipes();
    // Its own end is not the one that is asked for.
    let ending = cancellation.child_token();
    let input = UntilClosed { input, closed: ending.clone() };
    let mistakes = Arc::<Mistakes>::default();
    let handler = McpHandler::new(gateway.clone(), Viewer::operator(profile), ending, Arc::clone(&mistakes));
    let transport = Pipe::new(input, output, handler.bypassed(), mistakes, LINE_BYTES);
    let service = match Box::pin(handler.serve_with_ct(transport, cancellation.child_token())).await {
        Ok(service) => service,
        Err(_) if cancellation.is_cancelled() => return Ok(()),
        Err(error) => return Err(ServeError::new(ServeErrorKind::Handshake, error)),
    };
    let served = service.waiting().await;
    if let Some(gateway) = gateway.now() {
        gateway.forget_subscriptions(&of_pipe());
    }
    tokio::select! {
        () = cancellation.cancelled() => {}
        () = scripts_over(&gateway) => {}
    }
    if cancellation.is_cancelled()
        && let Some(started) = gateway.now()
    {
        started.cancel_runs();
        let _ = timeout(LAST_REPORTS, scripts_over(&gateway)).await;
    }
    served.map(|_| ()).map_err(|error| ServeError::new(ServeErrorKind::Broken, error))
}

/// Waits for scripts that outlive their client.
async fn scripts_over(gateway: &PendingGateway) {
    while gateway.now().is_some_and(|gateway| gateway.runs() > 0) {
        tokio::time::sleep(GLANCE).await;
    }
}

/// An input whose end is seen at once: rmcp first waits for the requests that are out, those that only listen too.
struct UntilClosed<R> {
    input: R,
    closed: CancellationToken,
}

impl<R: AsyncRead + Unpin> AsyncRead for UntilClosed<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.input).poll_read(context, buffer);
        if matches!(read, Poll::Ready(Ok(()))) && buffer.filled().len() == before && buffer.remaining() > 0 {
            self.closed.cancel();
        }
        read
    }
}
