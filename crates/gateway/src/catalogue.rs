//! What scripts, models and clients see, as the servers list it and the policy shows it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use exuvia_upstream::Upstreams;

use crate::authority::Authority;
use crate::profile::Profiles;
use crate::run_runtime::RunRuntime;
use crate::view::View;

/// The views of the moment. A run keeps the one that it was started with.
#[derive(Debug)]
pub(crate) struct Catalogue {
    views: RwLock<Views>,
    profiles: Profiles,
    upstreams: Arc<Upstreams>,
    authority: Arc<Authority>,
    /// Servers and policy change side by side: one renewal at a time, so that what was seen last is what stays.
    renewing: Mutex<()>,
}

#[derive(Debug, Default)]
struct Views {
    default: Arc<View>,
    named: BTreeMap<String, Arc<View>>,
}

impl Catalogue {
    /// What there is to see now, kept up to date for as long as the servers and the catalogue exist.
    pub(crate) fn following(
        profiles: Profiles,
        upstreams: Arc<Upstreams>,
        authority: Arc<Authority>,
        threads: &RunRuntime,
    ) -> Arc<Self> {
        let mut changes = upstreams.changes();
        let (views, renewing) = (RwLock::default(), Mutex::default());
        let catalogue = Arc::new(Self { views, profiles, upstreams, authority, renewing });
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

    /// Looks again: servers or policy have changed.
    pub(crate) fn renew(&self) {
        let _turn = self.renewing.lock().unwrap_or_else(PoisonError::into_inner);
        let (policy, servers) = (self.authority.policy(), self.upstreams.servers());
        let view = |profile| Arc::new(View::new(profile, &servers, &policy));
        let default = view(&self.profiles.default);
        let named = self.profiles.named.iter().map(|(name, profile)| (name.clone(), view(profile))).collect();
        *self.views.write().unwrap_or_else(PoisonError::into_inner) = Views { default, named };
    }
}
