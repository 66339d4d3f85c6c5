//! Resource change notifications that wait for one client.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use exuvia_tool::locked;
use tokio::sync::watch;

/// The addresses whose resources have changed, for one client: each once, however often it changes, until it is taken. So it
/// holds no more than the client is subscribed to.
#[derive(Debug, Default)]
pub struct Mailbox {
    changed: Mutex<BTreeSet<Arc<str>>>,
    notified: watch::Sender<()>,
}

impl Mailbox {
    /// How long changes are collected before a client is notified: at most ten times a second.
    pub const GATHERED: Duration = Duration::from_millis(100);

    /// The resource at this address has changed.
    pub(crate) fn put(&self, address: &Arc<str>) {
        if locked(&self.changed).insert(Arc::clone(address)) {
            self.notified.send_replace(());
        }
    }

    /// Notifies the client that the resource at this address has changed.
    pub fn notify(&self, address: &str) {
        self.put(&address.into());
    }

    /// The client has unsubscribed.
    pub fn forget(&self, address: &str) {
        locked(&self.changed).remove(address);
    }

    /// The addresses that have changed since the last time, in their order.
    #[must_use]
    pub fn take(&self) -> Vec<Arc<str>> {
        std::mem::take(&mut *locked(&self.changed)).into_iter().collect()
    }

    /// Notifies of every change, including pending ones.
    #[must_use]
    pub fn follow(&self) -> watch::Receiver<()> {
        let mut notified = self.notified.subscribe();
        notified.mark_changed();
        notified
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_one_change_is_one_change() {
        let (mailbox, [a, b]) = (Mailbox::default(), ["a", "b"].map(Arc::<str>::from));
        let notified = mailbox.follow();
        for _ in 0..100_000 {
            mailbox.put(&b);
        }
        mailbox.put(&a);
        assert!(notified.has_changed().is_ok_and(|changed| changed));
        assert_eq!(mailbox.take(), [a.clone(), b]);
        mailbox.put(&a);
        mailbox.forget("a");
        assert_eq!(mailbox.take(), []);
    }
}
