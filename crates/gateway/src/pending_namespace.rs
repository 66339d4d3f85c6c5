//! The namespace to come: for scripts that name a server which is still starting.

use std::sync::Arc;
use std::time::Duration;

use exuvia_analysis::analyze;
use exuvia_runtime::Script;
use exuvia_tool::{Absent, Namespace};
use tokio::time::Instant;

use crate::Gateway;
use crate::admission::{StartedBy, names_starting};
use crate::settings::RunView;
use crate::view_store::ViewStore;

/// How long a client's script waits for servers that it names: long enough for most to start, and no client gives up before.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the clients of one profile will see.
pub(crate) struct PendingNamespace {
    view_store: Arc<ViewStore>,
    profile: Option<Arc<str>>,
    role: Option<Arc<str>>,
    /// None: the time to start that each server has is the bound.
    until: Option<Instant>,
}

impl PendingNamespace {
    /// From now on. Scripts of clients wait at most `PATIENCE`; those of the operator wait until each server has started or
    /// failed.
    pub(crate) fn of(
        view_store: &Arc<ViewStore>,
        (profile, role): (Option<Arc<str>>, Option<Arc<str>>),
        by: StartedBy,
    ) -> Self {
        let until = (by == StartedBy::Client).then(|| Instant::now() + PATIENCE);
        Self { view_store: Arc::clone(view_store), profile, role, until }
    }

    /// Waits until the set of starting servers differs from that of `seen`. None: the deadline passed, or the profile no longer
    /// exists.
    pub(crate) async fn other(&self, seen: &RunView) -> Option<Arc<RunView>> {
        let mut changes = self.view_store.changes();
        loop {
            let view = match &self.role {
                None => self.view_store.view(self.profile.as_deref()),
                Some(role) => self.view_store.role_view(self.profile.as_deref(), role),
            }?;
            if !starting(&view.scripts().namespace).eq(starting(&seen.namespace)) {
                return Some(Arc::clone(view.scripts()));
            }
            drop(view);
            match self.until {
                Some(until) => tokio::time::timeout_at(until, changes.changed()).await.ok()?.ok()?,
                None => changes.changed().await.ok()?,
            }
        }
    }
}

impl Gateway {
    /// Waits, for clients that name no profile, until no server is starting any more that [`check`](Self::check) needs for this
    /// script. Each has its time to start.
    pub async fn ready_for(&self, script: &Script) {
        self.ready(|namespace| names_starting(&analyze(script.source(), namespace), namespace)).await;
    }

    /// The same for servers that `is_wanted` names.
    pub async fn ready_with(&self, is_wanted: impl Fn(&Absent) -> bool) {
        self.ready(|namespace| namespace.absent().iter().any(|absent| absent.is_starting() && is_wanted(absent))).await;
    }

    async fn ready(&self, is_early: impl Fn(&Namespace) -> bool) {
        let later = PendingNamespace::of(&self.view_store, (None, None), StartedBy::Operator);
        let mut seen = Arc::clone(self.default_view().scripts());
        while is_early(&seen.namespace) {
            match later.other(&seen).await {
                Some(other) => seen = other,
                None => return,
            }
        }
    }
}

fn starting(namespace: &Namespace) -> impl Iterator<Item = &str> {
    let starting = namespace.absent().iter().filter(|absent| absent.is_starting());
    starting.map(|Absent { name, .. }| name.as_str())
}
