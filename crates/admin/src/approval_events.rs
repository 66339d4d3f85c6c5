//! What happens to approvals, as events: of this process at once, of others within half a second.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use exuvia_journal::{Approval, ApprovalError, ApprovalState, ApprovalStore};
use exuvia_tool::RunId;
use futures_util::stream::{self, Stream};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::events::ServerEvent;

/// How often the store is asked for what other processes changed.
const PERIOD: Duration = Duration::from_millis(500);

struct Follower {
    store: Arc<dyn ApprovalStore>,
    changed: watch::Receiver<u64>,
    version: u64,
    only: Option<RunId>,
    waiting: VecDeque<ServerEvent>,
}

/// The changes from now on: of all runs, or of one.
///
/// # Errors
///
/// The store cannot be read.
pub(crate) async fn follow(
    store: Arc<dyn ApprovalStore>,
    only: Option<RunId>,
) -> Result<impl Stream<Item = ServerEvent> + Send, ApprovalError> {
    let changed = store.watch();
    let mut version = 0;
    loop {
        let changes = store.changes(version).await?;
        version = changes.version;
        if changes.is_whole {
            break;
        }
    }
    let follower = Follower { store, changed, version, only, waiting: VecDeque::new() };
    Ok(stream::unfold(follower, |mut follower| async move {
        let event = follower.next().await?;
        Some((event, follower))
    }))
}

impl Follower {
    /// None: the store cannot be read any more. The client connects again.
    async fn next(&mut self) -> Option<ServerEvent> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            // Either way the store is asked.
            let _ = timeout(PERIOD, self.changed.changed()).await;
            let changes = self.store.changes(self.version).await.ok()?;
            // A store that was restored from a copy is read anew from its end.
            self.version = changes.version;
            let only = self.only.as_ref();
            let shown = changes.approvals.iter().filter(|one| only.is_none_or(|run| *run == one.run));
            self.waiting.extend(shown.map(event));
        }
    }
}

fn event(approval: &Approval) -> ServerEvent {
    let name = match approval.state {
        ApprovalState::Pending => "held",
        ApprovalState::Approved | ApprovalState::Denied => "answered",
        ApprovalState::Expired => "expired",
        ApprovalState::Used => "used",
        ApprovalState::Void => "void",
    };
    ServerEvent::new(name, &json!({"approval": approval.id.to_string(), "run": approval.run}))
}
