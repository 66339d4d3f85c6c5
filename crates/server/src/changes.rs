//! The tools of direct servers as they change, for clients that want to hear of it.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Weak};
use std::time::Duration;

use exuvia_gateway::{Gateway, View};
use rmcp::service::{Peer, RoleServer, SubscriptionContext};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// The time between two looks at whether a client is still there that is told nothing meanwhile.
const GLANCE: Duration = Duration::from_secs(30);

/// Changes of what the clients of one profile can call themselves.
pub(crate) struct Changes {
    gateway: Weak<Gateway>,
    profile: Option<Arc<str>>,
    heard: watch::Receiver<()>,
    /// Of what was there the last time. The view itself would keep servers that were replaced.
    seen: u64,
}

impl Changes {
    /// From now on.
    pub(crate) fn of(gateway: &Arc<Gateway>, profile: Option<Arc<str>>) -> Option<Self> {
        let heard = gateway.changes();
        let seen = digest(&*gateway.view(profile.as_deref())?);
        Some(Self { gateway: Arc::downgrade(gateway), profile, heard, seen })
    }

    /// Waits until the tools are others than the last time. None: there is nothing to wait for any more.
    async fn next(&mut self) -> Option<()> {
        loop {
            self.heard.changed().await.ok()?;
            let view = self.gateway.upgrade()?.view(self.profile.as_deref())?;
            let seen = digest(&view);
            if std::mem::replace(&mut self.seen, seen) != seen {
                return Some(());
            }
        }
    }

    /// Tells a client of the older era, until its session ends.
    pub(crate) async fn tell(mut self, client: Peer<RoleServer>) {
        loop {
            tokio::select! {
                change = self.next() => {
                    if change.is_none() || client.notify_tool_list_changed().await.is_err() {
                        return;
                    }
                }
                () = tokio::time::sleep(GLANCE) => {
                    if client.is_transport_closed() {
                        return;
                    }
                }
            }
        }
    }

    /// Tells a client of the newer era that listens, until it goes away or `ending` is cancelled.
    pub(crate) async fn tell_listener(mut self, listener: &SubscriptionContext, ending: &CancellationToken) {
        loop {
            let change = tokio::select! {
                change = self.next() => change,
                () = listener.cancelled() => None,
                () = ending.cancelled() => None,
            };
            if change.is_none() || listener.sink().notify_tool_list_changed().await.is_err() {
                return;
            }
        }
    }
}

/// Another one for other tools.
fn digest(view: &View) -> u64 {
    let mut digest = DefaultHasher::new();
    view.profile().has_scripts().hash(&mut digest);
    for tool in view.tools() {
        tool.name.hash(&mut digest);
        tool.written.as_str().hash(&mut digest);
    }
    digest.finish()
}
