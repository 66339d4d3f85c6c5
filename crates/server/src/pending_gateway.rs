//! A gateway that may still be starting.

use std::future::Future;
use std::sync::Arc;

use exuvia_access::Access;
use exuvia_gateway::{Gateway, Profiles};
use tokio::sync::watch;

/// A gateway that may still be starting.
#[derive(Clone)]
pub struct PendingGateway {
    ready: watch::Receiver<Option<Arc<Gateway>>>,
    profiles: Arc<Profiles>,
    access: Arc<Access>,
}

impl PendingGateway {
    /// The gateway that `start` will return, with these profiles, for those whom `access` lets in. It starts at once on the current tokio
    /// runtime.
    pub fn start(
        profiles: Profiles,
        access: Arc<Access>,
        start: impl Future<Output = Arc<Gateway>> + Send + 'static,
    ) -> Self {
        let (sender, ready) = watch::channel(None);
        tokio::spawn(async move {
            // The receivers are gone when the client left before the start was over.
            let _ = sender.send(Some(start.await));
        });
        Self { ready, profiles: Arc::new(profiles), access }
    }

    /// Waits for it. None: its start was given up.
    pub async fn get(&self) -> Option<Arc<Gateway>> {
        let mut ready = self.ready.clone();
        let gateway = ready.wait_for(Option::is_some).await.ok()?;
        gateway.clone()
    }

    /// Who may use it.
    #[must_use]
    pub fn access(&self) -> &Arc<Access> {
        &self.access
    }

    /// The profiles that it starts with.
    #[must_use]
    pub fn profiles(&self) -> &Profiles {
        &self.profiles
    }

    /// The gateway, if it has started.
    #[must_use]
    pub fn now(&self) -> Option<Arc<Gateway>> {
        self.ready.borrow().clone()
    }
}
