//! Runs that outlive their clients' connections, which those clients can still cancel.
//!
//! What rmcp says to a request that ends is the same whether its client cancelled it or went away.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use exuvia_gateway::{Client, RunHandle};
use rmcp::model::RequestId;
use tokio_util::sync::CancellationToken;

/// The scripts of the clients of one profile, by who asked for them and in which request.
#[derive(Debug, Default)]
pub(crate) struct DetachedRuns(Mutex<All>);

#[derive(Debug, Default)]
struct All {
    scripts: HashMap<(Client, RequestId), (u64, CancellationToken)>,
    listed: u64,
}

/// A script that can be cancelled by its client until this is dropped.
#[derive(Debug)]
pub(crate) struct DetachedRunGuard {
    request: (Client, RequestId),
    /// A client may use an id again while it is in use.
    number: u64,
    all: Arc<DetachedRuns>,
}

impl DetachedRuns {
    fn all(&self) -> MutexGuard<'_, All> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the client cancel this.
    pub(crate) fn list(
        self: &Arc<Self>,
        client: Client,
        request: RequestId,
        script: CancellationToken,
    ) -> DetachedRunGuard {
        let request = (client, request);
        let mut all = self.all();
        all.listed += 1;
        let number = all.listed;
        all.scripts.insert(request.clone(), (number, script));
        DetachedRunGuard { request, number, all: Arc::clone(self) }
    }

    /// The client has cancelled this request.
    pub(crate) fn cancel(&self, client: Client, request: RequestId) {
        if let Some((_, script)) = self.all().scripts.get(&(client, request)) {
            script.cancel();
        }
    }
}

impl Drop for DetachedRunGuard {
    fn drop(&mut self) {
        let mut all = self.all.all();
        if all.scripts.get(&self.request).is_some_and(|&(number, _)| number == self.number) {
            all.scripts.remove(&self.request);
        }
    }
}

/// Follows a run to its end whose client has disconnected, or is about to cancel it.
pub(crate) async fn follow_alone(mut run: RunHandle, _listed: Option<DetachedRunGuard>) {
    // Nobody is there to be asked: what waits to be is declined.
    run.questions.close();
    while run.questions.recv().await.is_some() {}
    while run.events.recv().await.is_some() {}
    let id = run.id().clone();
    let report = run.report().await;
    tracing::info!(run.id = %id, outcome = report.outcome.name(), "run ended after its client disconnected");
}
