//! Calls that wait for the answer of an approval.

use std::collections::HashMap;
use std::sync::Mutex;

use exuvia_tool::{ApprovalId, locked};
use tokio::sync::watch;

/// Wakes whoever waits for an approval of this process's runs.
#[derive(Default)]
pub(crate) struct Waiters(Mutex<HashMap<ApprovalId, watch::Sender<()>>>);

/// Somebody who waits for an approval.
pub(crate) struct Waiter<'a> {
    waiters: &'a Waiters,
    id: ApprovalId,
    changed: watch::Receiver<()>,
}

impl Waiters {
    /// Waits for this approval, from now on.
    pub(crate) fn enter(&self, id: &ApprovalId) -> Waiter<'_> {
        let changed = locked(&self.0).entry(id.clone()).or_insert_with(|| watch::Sender::new(())).subscribe();
        Waiter { waiters: self, id: id.clone(), changed }
    }

    /// Wakes those who wait for one of these, or all.
    pub(crate) fn wake<'a>(&self, changed: impl Iterator<Item = &'a ApprovalId>, all: bool) {
        let waiters = locked(&self.0);
        if all {
            waiters.values().for_each(|waiter| waiter.send_replace(()));
        } else {
            changed.filter_map(|id| waiters.get(id)).for_each(|waiter| waiter.send_replace(()));
        }
    }
}

impl Waiter<'_> {
    /// Waits for the next change.
    pub(crate) async fn changed(&mut self) {
        if self.changed.changed().await.is_err() {
            std::future::pending().await
        }
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        let mut waiters = locked(&self.waiters.0);
        // This one is dropped after this.
        if waiters.get(&self.id).is_some_and(|waiter| waiter.receiver_count() <= 1) {
            waiters.remove(&self.id);
        }
    }
}
