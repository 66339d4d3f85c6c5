//! MCP over standard input and output.

use std::fmt;
use std::time::Duration;

use rmcp::ServiceExt as _;
use rmcp::transport::async_rw::AsyncRwTransport;
use rmcp::transport::io::stdio_pipes;
use tokio_util::sync::CancellationToken;

use crate::PendingGateway;
use crate::face::Face;

/// The longest message of a client, in bytes: the largest script, escaped, and room for its envelope.
const LINE_BYTES: usize = 16 << 20;

/// The time between two looks at what runs.
const GLANCE: Duration = Duration::from_millis(20);

/// The connection could not be served.
#[derive(Debug)]
pub struct ServeError(String);

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ServeError {}

/// Serves one client until it closes our standard input or `cancellation` is cancelled. Answers that are still out when the
/// input closes have rmcp's 5 s to get there; runs that take longer end with the connection, or go on, as the policy for clients
/// that go away says.
///
/// # Errors
///
/// The client's first messages are no handshake.
pub async fn serve_stdio(gateway: PendingGateway, cancellation: CancellationToken) -> Result<(), ServeError> {
    let (input, output) = stdio_pipes();
    let transport = AsyncRwTransport::new_server(input, output).with_max_line_length(LINE_BYTES);
    let face = Face::new(gateway.clone(), None, cancellation.clone());
    // Its own end is not the one that is asked for.
    let service = match face.serve_with_ct(transport, cancellation.child_token()).await {
        Ok(service) => service,
        Err(_) if cancellation.is_cancelled() => return Ok(()),
        Err(error) => return Err(ServeError(format!("the client did not complete a handshake: {error}"))),
    };
    let served = service.waiting().await;
    tokio::select! {
        () = cancellation.cancelled() => {}
        () = scripts_over(&gateway) => {}
    }
    served.map(|_| ()).map_err(|error| ServeError(format!("the connection broke off: {error}")))
}

/// Waits for scripts that outlive their client.
async fn scripts_over(gateway: &PendingGateway) {
    while gateway.now().is_some_and(|gateway| gateway.runs() > 0) {
        tokio::time::sleep(GLANCE).await;
    }
}
