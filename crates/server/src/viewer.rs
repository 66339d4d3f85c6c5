//! Who sees what: a profile, and whose it is.

use std::sync::{Arc, PoisonError, RwLock};

use exuvia_access::Identity;
use exuvia_gateway::{Client, Gateway, Profile, View};

use crate::PendingGateway;
use crate::client::acting;

/// The clients of one profile that act for one principal in one role. Clones are the same.
#[derive(Clone)]
pub(crate) struct Viewer {
    /// None for clients that name no profile.
    profile: Option<Arc<str>>,
    /// As the latest request was authenticated.
    identity: Arc<RwLock<Arc<Identity>>>,
}

impl Viewer {
    pub(crate) fn new(profile: Option<&str>, identity: Arc<Identity>) -> Self {
        Self { profile: profile.map(Arc::from), identity: Arc::new(RwLock::new(identity)) }
    }

    /// The operator's, for clients that name no key.
    pub(crate) fn operator(profile: Option<&str>) -> Self {
        Self::new(profile, Identity::operator())
    }

    /// Takes a newer proof of the same principal in the same role: a token that ends later.
    pub(crate) fn renew(&self, identity: &Arc<Identity>) {
        let is_same = |held: &Arc<Identity>| Arc::ptr_eq(held, identity);
        if !is_same(&self.identity.read().unwrap_or_else(PoisonError::into_inner)) {
            *self.identity.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(identity);
        }
    }

    pub(crate) fn identity(&self) -> Arc<Identity> {
        Arc::clone(&self.identity.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What there is to see now. None: the profile is gone, or the principal may do nothing any more.
    pub(crate) fn view(&self, gateway: &Gateway) -> Option<Arc<View>> {
        let role = gateway.access().role_of(&self.identity()).ok()?;
        gateway.view_as(self.profile.as_deref(), role.as_deref())
    }

    /// The same, for where it may take time to be made: after a change, servers that list much are read anew.
    pub(crate) async fn view_ready(&self, gateway: &Arc<Gateway>) -> Option<Arc<View>> {
        let role = gateway.access().role_of(&self.identity()).ok()?;
        gateway.view_ready(self.profile.as_deref(), role.as_deref()).await
    }

    /// What is known of the profile, also while the gateway still starts.
    pub(crate) fn profile(&self, pending: &PendingGateway) -> Profile {
        let known = match pending.now() {
            Some(gateway) => self.view(&gateway).map(|view| view.profile().clone()),
            None => pending.access().role_of(&self.identity()).ok().and_then(|role| {
                let profile = pending.profiles().get(self.profile.as_deref())?;
                Some(pending.access().shown_of(profile, role.as_deref()))
            }),
        };
        known.unwrap_or_default()
    }

    /// What somebody is told who sees no tool, now or later: else it would look as if all were well.
    pub(crate) fn notice(&self, pending: &PendingGateway) -> Option<String> {
        let view = self.view(&*pending.now()?)?;
        let role = view.role().filter(|_| view.is_empty())?;
        Some(format!("This key sees no tools: its role {role:?} shows none of them. Ask the operator of the gateway."))
    }

    /// A client of this name.
    pub(crate) fn client(&self, name: &str) -> Client {
        acting(self.identity(), name)
    }
}
