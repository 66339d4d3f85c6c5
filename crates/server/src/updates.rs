//! Resource change notifications to clients, whose subscriptions survive the replacement of servers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use exuvia_gateway::{Client, Gateway};
use exuvia_upstream::Mailbox;
use rmcp::model::ResourceUpdatedNotificationParam;
use rmcp::service::{Peer, RoleServer, SubscriptionContext};
use serde_json::json;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::viewer::Viewer;

/// The subscriptions of one client. While this is there its subscriptions follow the servers.
pub(crate) struct Updates {
    gateway: Weak<Gateway>,
    viewer: Viewer,
    client: Client,
    mailbox: Arc<Mailbox>,
    told: watch::Receiver<()>,
    changes: watch::Receiver<()>,
}

impl Updates {
    pub(crate) fn of(gateway: &Arc<Gateway>, viewer: Viewer, client: Client) -> Self {
        let mailbox = gateway.mailbox(&client);
        let (told, mut changes) = (mailbox.follow(), gateway.changes());
        // Changes that happened before anyone subscribed.
        changes.mark_changed();
        Self { gateway: Arc::downgrade(gateway), viewer, client, mailbox, told, changes }
    }

    /// Waits until an update is pending. `None`: there will be no more.
    pub(crate) async fn next(&mut self) -> Option<()> {
        loop {
            tokio::select! {
                told = self.told.changed() => {
                    told.ok()?;
                    tokio::time::sleep(Mailbox::GATHERED).await;
                    return Some(());
                }
                changed = self.changes.changed() => {
                    changed.ok()?;
                    let gateway = self.gateway.upgrade()?;
                    if let Some(view) = self.viewer.view_ready(&gateway).await {
                        gateway.renew_subscriptions(&view, &self.client).await;
                    }
                }
            }
        }
    }

    /// Checks again whether servers were replaced: [`next`](Self::next) was dropped before it completed.
    pub(crate) fn look_again(&mut self) {
        self.changes.mark_changed();
    }

    /// The addresses of changed resources.
    pub(crate) fn take(&self) -> Vec<Arc<str>> {
        self.mailbox.take()
    }

    /// Tells the client at the other end of a pipe, for as long as that lasts.
    pub(crate) async fn notify(mut self, client: Peer<RoleServer>) {
        while self.next().await.is_some() {
            for address in self.take() {
                let param = ResourceUpdatedNotificationParam::new(&*address);
                if client.notify_resource_updated(param).await.is_err() {
                    return;
                }
            }
        }
    }

    /// Notifies a listening client of the modern era, until it disconnects or `ending` is cancelled.
    pub(crate) async fn notify_listener(mut self, listener: &SubscriptionContext, ending: &CancellationToken) {
        let telling = async {
            while self.next().await.is_some() {
                for address in self.take() {
                    if listener.sink().notify_resource_updated(&*address).await.is_err() {
                        return;
                    }
                }
            }
        };
        tokio::select! {
            () = telling => {}
            () = listener.cancelled() => {}
            () = ending.cancelled() => {}
        }
    }
}

/// The events of a stream that notify of these.
pub(crate) fn events(addresses: &[Arc<str>]) -> String {
    let event = |address: &Arc<str>| {
        let message =
            json!({"jsonrpc": "2.0", "method": "notifications/resources/updated", "params": {"uri": &**address}});
        format!("data: {message}\n\n")
    };
    addresses.iter().map(event).collect()
}

/// A client of its own for each request of the modern era that listens. Its subscriptions end with this.
pub(crate) struct Listener {
    gateway: Arc<Gateway>,
    pub(crate) client: Client,
}

impl Listener {
    pub(crate) fn new(gateway: Arc<Gateway>, viewer: &Viewer) -> Self {
        static LISTENERS: AtomicU64 = AtomicU64::new(0);
        let client = viewer.client(&format!("listener {}", LISTENERS.fetch_add(1, Ordering::Relaxed)));
        Self { gateway, client }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.gateway.forget_subscriptions(&self.client);
    }
}
