//! Scripts that outlive their clients, which can still cancel them.
//!
//! What rmcp says to a request that ends is the same whether its client cancelled it or went away.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use exuvia_gateway::Client;
use rmcp::model::RequestId;
use tokio_util::sync::CancellationToken;

/// The scripts of the clients of one profile, by who asked for them and in which request.
#[derive(Debug, Default)]
pub(crate) struct Cancellable(Mutex<HashMap<(Client, RequestId), CancellationToken>>);

/// A script that can be cancelled by its client until this is dropped.
#[derive(Debug)]
pub(crate) struct Listed {
    request: (Client, RequestId),
    all: Arc<Cancellable>,
}

impl Cancellable {
    fn all(&self) -> MutexGuard<'_, HashMap<(Client, RequestId), CancellationToken>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the client's word cancel this.
    pub(crate) fn list(self: &Arc<Self>, client: Client, request: RequestId, script: CancellationToken) -> Listed {
        let request = (client, request);
        self.all().insert(request.clone(), script);
        Listed { request, all: Arc::clone(self) }
    }

    /// The client says that it cancelled this request.
    pub(crate) fn cancel(&self, client: Client, request: RequestId) {
        if let Some(script) = self.all().get(&(client, request)) {
            script.cancel();
        }
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.all.all().remove(&self.request);
    }
}
