//! The credentials that callers have for one server instead of the gateway's own.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, Weak};

use exuvia_config::RoleCredential;
use exuvia_tool::{CredentialId, Principal, locked};

use super::dialer::Dialer;

/// The credentials for one server, by their names. A reload replaces them.
#[derive(Debug, Default)]
pub(crate) struct Credentials(BTreeMap<CredentialId, Arc<Credential>>);

/// One of them. What is made of it is there as long as it is configured like this.
#[derive(Debug)]
pub(crate) struct Credential {
    config: RoleCredential,
    /// Opens connections for all who have it. None: each principal has a login of its own.
    shared: Option<Arc<Dialer>>,
    /// Those of the principals that have a lane.
    own: Mutex<HashMap<Principal, Weak<Dialer>>>,
}

impl Credentials {
    /// These, and what is unchanged taken from `before`.
    pub(crate) fn new(configs: BTreeMap<CredentialId, RoleCredential>, server: &Dialer, before: &Self) -> Self {
        let credential = |(id, config): (CredentialId, RoleCredential)| {
            let kept = before.0.get(&id).filter(|before| before.config == config).cloned();
            (id, kept.unwrap_or_else(|| Arc::new(Credential::new(config, server))))
        };
        Self(configs.into_iter().map(credential).collect())
    }

    /// Whether there are none: all callers share the server's own.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The one of this name.
    pub(crate) fn get(&self, id: &CredentialId) -> Option<&Arc<Credential>> {
        self.0.get(id)
    }

    /// Whether both have the same one under this name.
    pub(crate) fn agree_on(&self, other: &Self, id: &CredentialId) -> bool {
        self.get(id).zip(other.get(id)).is_some_and(|(one, other)| Arc::ptr_eq(one, other))
    }
}

impl Credential {
    fn new(config: RoleCredential, server: &Dialer) -> Self {
        // Nobody has a login of the operator's beside that of the gateway, so the principal makes no difference here.
        let shared = (!config.oauth).then(|| Arc::new(server.with(&config, &Principal::Operator)));
        Self { config, shared, own: Mutex::default() }
    }

    /// Whether each principal has a login of its own.
    pub(crate) fn is_own(&self) -> bool {
        self.config.oauth
    }

    /// Opens the connections of this principal to the server.
    pub(crate) fn dialer(&self, server: &Dialer, principal: &Principal) -> Arc<Dialer> {
        if let Some(shared) = &self.shared {
            return Arc::clone(shared);
        }
        let mut own = locked(&self.own);
        if let Some(dialer) = own.get(principal).and_then(Weak::upgrade) {
            return dialer;
        }
        own.retain(|_, dialer| dialer.strong_count() > 0);
        let dialer = Arc::new(server.with(&self.config, principal));
        own.insert(principal.clone(), Arc::downgrade(&dialer));
        dialer
    }
}
