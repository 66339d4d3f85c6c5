//! What scripts and models see, as the servers list it and the policy shows it.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use exuvia_tool::{Namespace, ToolDescriptor, ToolName};
use exuvia_upstream::{ServerStatus, Upstreams};

use crate::authority::Authority;
use crate::run_runtime::RunRuntime;

/// The namespace of the moment. A run keeps the one that it was started with.
#[derive(Debug)]
pub(crate) struct Catalogue {
    namespace: RwLock<Arc<Namespace>>,
    upstreams: Arc<Upstreams>,
    authority: Arc<Authority>,
    /// Servers and policy change side by side: one renewal at a time, so that what was seen last is what stays.
    renewing: Mutex<()>,
}

impl Catalogue {
    /// What there is to see now, kept up to date for as long as the servers and the catalogue exist.
    pub(crate) fn following(upstreams: Arc<Upstreams>, authority: Arc<Authority>, threads: &RunRuntime) -> Arc<Self> {
        let mut changes = upstreams.changes();
        let catalogue =
            Arc::new(Self { namespace: RwLock::default(), upstreams, authority, renewing: Mutex::default() });
        catalogue.renew();
        let followed = Arc::downgrade(&catalogue);
        threads.spawn(async move {
            while changes.changed().await.is_ok() {
                let Some(catalogue) = followed.upgrade() else { return };
                catalogue.renew();
            }
        });
        catalogue
    }

    /// The servers and tools that are visible now.
    pub(crate) fn namespace(&self) -> Arc<Namespace> {
        Arc::clone(&self.namespace.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Looks again: servers or policy have changed.
    pub(crate) fn renew(&self) {
        let _turn = self.renewing.lock().unwrap_or_else(PoisonError::into_inner);
        let policy = self.authority.policy();
        let servers = self.upstreams.servers();
        let (ready, away): (Vec<_>, Vec<_>) = servers.iter().partition(|server| server.is_ready());
        let shown = |server: &ServerStatus| -> Vec<ToolDescriptor> {
            let shows = |tool: &&ToolDescriptor| policy.shows(&ToolName::new(server.name.clone(), tool.name.clone()));
            server.tools.iter().filter(shows).cloned().collect()
        };
        let away: Vec<String> = away.iter().map(|server| server.name.clone()).collect();
        let shown = ready.iter().map(|server| (server.name.clone(), shown(server))).collect();
        let namespace = exuvia_catalog::build_beside(shown, &away);
        *self.namespace.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(namespace);
    }
}
