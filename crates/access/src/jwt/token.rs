//! Tokens that were verified.

use std::fmt;
use std::sync::{Arc, Weak};

use exuvia_tool::Principal;

use super::checks::Checked;
use super::claims::Claims;
use super::jwks::KeyDigest;
use super::provider::Provider;

/// A token that is valid, without its text.
#[derive(Clone)]
pub struct ValidToken {
    pub(super) checked: Arc<Checked>,
    /// What it claims, to be held against another configuration.
    pub(super) claims: Arc<Claims>,
    /// The name of its provider.
    pub(super) provider: Arc<str>,
    /// The configuration that it was held against.
    pub(super) against: Weak<Provider>,
    /// The key by which it was verified.
    pub(super) key: KeyDigest,
}

impl ValidToken {
    /// Whose it is.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        &self.checked.principal
    }

    /// The role that it gave when it was verified. What it gives now is [asked](super::IdentityProviders::role_of).
    #[must_use]
    pub fn role(&self) -> &Arc<str> {
        &self.checked.role
    }

    /// Until when it is accepted, in milliseconds since the epoch, UTC: its `exp` and the leeway of 30 s for clocks.
    #[must_use]
    pub fn expires_ms(&self) -> u64 {
        self.checked.expires_ms
    }

    /// What it may be used for.
    #[must_use]
    pub fn scopes(&self) -> &[Box<str>] {
        &self.checked.scopes
    }

    /// The name of its identity provider.
    #[must_use]
    pub fn provider(&self) -> &str {
        &self.provider
    }
}

/// Claims are about a person, and belong into no log.
impl fmt::Debug for ValidToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Checked { principal, role, expires_ms, .. } = &*self.checked;
        let mut shown = f.debug_struct("ValidToken");
        shown.field("principal", principal).field("role", role).field("expires_ms", expires_ms).finish_non_exhaustive()
    }
}

/// Of the same user, with the same claims, by the same key.
impl PartialEq for ValidToken {
    fn eq(&self, other: &Self) -> bool {
        self.provider == other.provider && self.key == other.key && self.claims == other.claims
    }
}

impl Eq for ValidToken {}
