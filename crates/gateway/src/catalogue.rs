//! What scripts, models and clients see, as the servers list it and the policy shows it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use exuvia_policy::Policy;
use exuvia_upstream::Upstreams;
use tokio::sync::watch;

use crate::run_runtime::RunRuntime;
use crate::settings::{Moment, Settings};
use crate::view::View;

/// The views of the moment. A run keeps the one that it was started with.
#[derive(Debug)]
pub(crate) struct Catalogue {
    views: RwLock<Views>,
    upstreams: Arc<Upstreams>,
    /// Servers and settings change side by side: one renewal at a time, so that what was seen last is what stays, and nobody
    /// sees one without the other.
    settings: Mutex<Settings>,
    changed: watch::Sender<()>,
}

#[derive(Debug)]
struct Views {
    default: Arc<View>,
    named: BTreeMap<String, Arc<View>>,
}

impl Catalogue {
    /// What there is to see now, kept up to date for as long as the servers and the catalogue exist.
    pub(crate) fn following(upstreams: Arc<Upstreams>, settings: Settings, threads: &RunRuntime) -> Arc<Self> {
        let mut changes = upstreams.changes();
        let views = RwLock::new(Views::of(&upstreams, &settings));
        let changed = watch::Sender::new(());
        let catalogue = Arc::new(Self { views, upstreams, settings: Mutex::new(settings), changed });
        let followed = Arc::downgrade(&catalogue);
        threads.spawn(async move {
            while changes.changed().await.is_ok() {
                let Some(catalogue) = followed.upgrade() else { return };
                let settings = catalogue.settings();
                catalogue.renew(&settings);
            }
        });
        catalogue
    }

    pub(crate) fn default_view(&self) -> Arc<View> {
        Arc::clone(&self.views.read().unwrap_or_else(PoisonError::into_inner).default)
    }

    /// What the clients of this profile see now. Without a name: those that name none.
    pub(crate) fn view(&self, profile: Option<&str>) -> Option<Arc<View>> {
        let views = self.views.read().unwrap_or_else(PoisonError::into_inner);
        match profile {
            None => Some(Arc::clone(&views.default)),
            Some(name) => views.named.get(name).cloned(),
        }
    }

    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
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
        let views = Views::of(&self.upstreams, settings);
        *self.views.write().unwrap_or_else(PoisonError::into_inner) = views;
        self.changed.send_replace(());
    }

    fn settings(&self) -> MutexGuard<'_, Settings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Views {
    fn of(upstreams: &Upstreams, settings: &Settings) -> Self {
        let exuvia_upstream::Snapshot { servers, routes } = upstreams.snapshot();
        let moment = Moment { servers, routes, settings: Arc::new(settings.clone()) };
        let view = |profile| Arc::new(View::new(profile, &moment));
        let profiles = &settings.profiles;
        let named = profiles.named.iter().map(|(name, profile)| (name.clone(), view(profile))).collect();
        Self { default: view(&profiles.default), named }
    }
}
