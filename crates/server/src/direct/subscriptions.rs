//! Subscriptions to resources of direct servers.

use exuvia_gateway::Client;
use rmcp::ErrorData;

use super::Direct;
use super::relayed;

impl Direct<'_> {
    /// Has a client hear when a resource changes, of the server whose its address is.
    ///
    /// # Errors
    ///
    /// It is nobody's, the policy or a bound is in the way, or its server does not tell.
    pub(crate) async fn subscribe(&self, hearer: &Client, address: &str) -> Result<(), ErrorData> {
        let server = self.server_of(address).await?;
        let subscribing = self.gateway.subscribe(self.view, hearer, server, address);
        tokio::select! {
            () = self.context.ct.cancelled() => Err(ErrorData::internal_error("cancelled", None)),
            done = subscribing => done.map_err(|answer| relayed::about(relayed::error(answer), address)),
        }
    }
}
