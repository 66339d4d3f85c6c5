//! What scripts and models see, as the servers list it and the policy shows it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use exuvia_policy::Policy;
use exuvia_tool::{Namespace, ToolDescriptor, ToolName};
use exuvia_upstream::{ServerStatus, Upstreams};

use crate::run_runtime::RunRuntime;
use crate::settings::{Settings, Snapshot};

/// The snapshot of the moment. A run keeps the one that it was started with.
#[derive(Debug)]
pub(crate) struct Catalogue {
    snapshot: RwLock<Arc<Snapshot>>,
    upstreams: Arc<Upstreams>,
    /// Servers and settings change side by side: one renewal at a time, so that what was seen last is what stays, and nobody
    /// sees new servers under old settings.
    settings: Mutex<Settings>,
}

impl Catalogue {
    /// What there is to see now, kept up to date for as long as the servers and the catalogue exist.
    pub(crate) fn following(upstreams: Arc<Upstreams>, settings: Settings, threads: &RunRuntime) -> Arc<Self> {
        let mut changes = upstreams.changes();
        let snapshot = RwLock::new(Arc::new(seen(&upstreams, &settings)));
        let catalogue = Arc::new(Self { snapshot, upstreams, settings: Mutex::new(settings) });
        let followed = Arc::downgrade(&catalogue);
        threads.spawn(async move {
            while changes.changed().await.is_ok() {
                let Some(catalogue) = followed.upgrade() else { return };
                catalogue.renew(&catalogue.settings());
            }
        });
        catalogue
    }

    /// What a run is started with now.
    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts other settings in force together with what `take_over` changes of the servers.
    pub(crate) fn replace<T>(&self, settings: Settings, take_over: impl FnOnce() -> T) -> T {
        let mut current = self.settings();
        let taken_over = take_over();
        *current = settings;
        self.renew(&current);
        taken_over
    }

    /// Puts another policy in force for what scripts see, and for what they are granted at their start.
    pub(crate) fn set_policy(&self, policy: Arc<Policy>) {
        let mut current = self.settings();
        current.policy = policy;
        self.renew(&current);
    }

    fn renew(&self, settings: &Settings) {
        let snapshot = Arc::new(seen(&self.upstreams, settings));
        *self.snapshot.write().unwrap_or_else(PoisonError::into_inner) = snapshot;
    }

    fn settings(&self) -> MutexGuard<'_, Settings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn seen(upstreams: &Upstreams, settings: &Settings) -> Snapshot {
    let exuvia_upstream::Snapshot { servers, routes } = upstreams.snapshot();
    let namespace = Arc::new(visible(&servers, &settings.policy));
    Snapshot { namespace, routes, settings: settings.clone() }
}

fn visible(servers: &[ServerStatus], policy: &Policy) -> Namespace {
    let (ready, away): (Vec<_>, Vec<_>) = servers.iter().partition(|server| server.is_ready());
    let shown = |server: &ServerStatus| -> Vec<ToolDescriptor> {
        let shows = |tool: &&ToolDescriptor| policy.shows(&ToolName::new(server.name.clone(), tool.name.clone()));
        server.tools.iter().filter(shows).cloned().collect()
    };
    let away: Vec<String> = away.iter().map(|server| server.name.clone()).collect();
    let shown = ready.iter().map(|server| (server.name.clone(), shown(server))).collect();
    exuvia_catalog::build_beside(shown, &away)
}
