//! Notifications of changed tool lists, for clients that listen.

use std::sync::{Arc, Weak};

use exuvia_gateway::Gateway;
use rmcp::service::{Peer, RoleServer, SubscriptionContext};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::viewer::Viewer;

/// Changes of what the clients of one profile can call themselves.
pub(crate) struct Changes {
    gateway: Weak<Gateway>,
    viewer: Viewer,
    heard: watch::Receiver<()>,
    /// Of what was there the last time. The view itself would keep servers that were replaced.
    seen: u64,
}

impl Changes {
    /// From now on.
    pub(crate) async fn of(gateway: &Arc<Gateway>, viewer: Viewer) -> Option<Self> {
        let heard = gateway.changes();
        let seen = viewer.view_ready(gateway).await?.tools_digest();
        Some(Self { gateway: Arc::downgrade(gateway), viewer, heard, seen })
    }

    /// Waits until the tools are others than the last time. None: there is nothing to wait for any more.
    pub(crate) async fn next(&mut self) -> Option<()> {
        loop {
            self.heard.changed().await.ok()?;
            let seen = self.viewer.view_ready(&self.gateway.upgrade()?).await?.tools_digest();
            if std::mem::replace(&mut self.seen, seen) != seen {
                return Some(());
            }
        }
    }

    /// Tells a client of the legacy era that has all of its connection to itself, for as long as that lasts.
    pub(crate) async fn notify(mut self, client: Peer<RoleServer>) {
        while self.next().await.is_some() && client.notify_tool_list_changed().await.is_ok() {}
    }

    /// Notifies a listening client of the modern era, until it disconnects or `ending` is cancelled.
    pub(crate) async fn notify_listener(mut self, listener: &SubscriptionContext, ending: &CancellationToken) {
        let wants = listener.accepted().tools_list_changed == Some(true);
        loop {
            let change = tokio::select! {
                change = self.next(), if wants => change,
                () = listener.cancelled() => None,
                () = ending.cancelled() => None,
            };
            if change.is_none() {
                return;
            }
            // A listener that does not read is not notified, and can still disconnect.
            tokio::select! {
                told = listener.sink().notify_tool_list_changed() => if told.is_err() { return },
                () = listener.cancelled() => return,
                () = ending.cancelled() => return,
            }
        }
    }
}
