//! Subscriptions to resources of direct servers.

use exuvia_gateway::Client;
use rmcp::ErrorData;

use super::Direct;
use super::results;

impl Direct<'_> {
    /// Subscribes a client to the changes of a resource, at the server that owns its address.
    ///
    /// # Errors
    ///
    /// No server owns it, the policy or a limit forbids it, or its server offers no subscriptions.
    pub(crate) async fn subscribe(&self, hearer: &Client, address: &str) -> Result<(), ErrorData> {
        let server = self.server_of(address).await?;
        let subscribing = self.gateway.subscribe(self.view, hearer, server, address);
        tokio::select! {
            () = self.context.ct.cancelled() => Err(ErrorData::internal_error("cancelled", None)),
            done = subscribing => done.map_err(|answer| results::about(results::error(answer), address)),
        }
    }
}
