//! One identity provider, as configured.

use std::sync::Arc;

use exuvia_config::IdentityProviderConfig;
use jsonwebtoken::Algorithm;

use super::key_set::KeySet;
use super::ring_provider;

/// One provider. Another configuration makes it another one; its keys may be those of the former.
pub(super) struct Provider {
    pub(super) name: Arc<str>,
    pub(super) config: IdentityProviderConfig,
    pub(super) algorithms: Vec<Algorithm>,
    pub(super) keys: Arc<KeySet>,
}

impl Provider {
    pub(super) fn new(name: &str, config: IdentityProviderConfig, keys: Arc<KeySet>) -> Self {
        let algorithms = config.algorithms.iter().copied().map(ring_provider::algorithm).collect();
        Self { name: name.into(), config, algorithms, keys }
    }

    /// Whether another configuration fetches its keys at the same place, in the same way.
    pub(super) fn has_keys_of(&self, other: &IdentityProviderConfig) -> bool {
        let own = &self.config;
        (&own.issuer, &own.jwks_uri, &own.ca, &own.proxy) == (&other.issuer, &other.jwks_uri, &other.ca, &other.proxy)
    }
}
