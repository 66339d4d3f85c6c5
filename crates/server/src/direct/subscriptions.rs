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
    /// It is nobody's, the policy or a bound is in the way, or its server does not tell.
    pub(crate) async fn subscribe(&self, hearer: &Client, address: &str) -> Result<(), ErrorData> {
        let server = self.server_of(address).await?;
        let subscribing = self.gateway.subscribe(self.view, hearer, server, address);
        tokio::select! {
            () = self.context.ct.cancelled() => Err(ErrorData::internal_error("cancelled", None)),
            done = subscribing => done.map_err(|answer| results::about(results::error(answer), address)),
        }
    }
}
