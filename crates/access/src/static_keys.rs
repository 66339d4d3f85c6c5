//! Keys whose hashes are in the configuration.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use exuvia_config::KeyConfig;
use exuvia_tool::Principal;
use subtle::ConstantTimeEq as _;

use crate::error::{NoLonger, NotAuthenticated};
use crate::identity::{Identity, Source};

/// The keys of one configuration.
#[derive(Debug, Default)]
pub(crate) struct StaticKeys {
    by_hash: HashMap<[u8; 32], (Arc<Identity>, Option<u64>)>,
    by_name: BTreeMap<String, KeyConfig>,
}

impl StaticKeys {
    pub(crate) fn new(keys: BTreeMap<String, KeyConfig>) -> Self {
        let entry = |(name, key): (&String, &KeyConfig)| {
            let (principal, source) = (Principal::Key(name.as_str().into()), Source::Configured { hash: key.hash });
            let identity = Identity::new(principal, &key.role, Arc::new(key.labels.clone()), source);
            (key.hash, (identity, key.expires_ms))
        };
        Self { by_hash: keys.iter().map(entry).collect(), by_name: keys }
    }

    /// Whose secret has this hash. None: nobody's. The hash is looked up, not the secret: how long that takes says nothing about a secret.
    pub(crate) fn find(&self, hash: &[u8; 32], now_ms: u64) -> Option<Result<Arc<Identity>, NotAuthenticated>> {
        let (identity, expires_ms) = self.by_hash.get(hash)?;
        let is_over = expires_ms.is_some_and(|expires| now_ms >= expires);
        Some(if is_over { Err(NotAuthenticated::Invalid) } else { Ok(Arc::clone(identity)) })
    }

    /// Whether there is a key of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// The holder of the key of this name.
    pub(crate) fn identity(&self, name: &str) -> Option<Arc<Identity>> {
        let hash = self.by_name.get(name)?.hash;
        self.by_hash.get(&hash).map(|(identity, _)| Arc::clone(identity))
    }

    /// The role of a key now, which was authenticated by a secret of this hash.
    pub(crate) fn role_of(&self, name: &str, hash: &[u8; 32], now_ms: u64) -> Result<&str, NoLonger> {
        let key = self.by_name.get(name).filter(|key| bool::from(key.hash.ct_eq(hash))).ok_or(NoLonger::Revoked)?;
        match key.expires_ms {
            Some(expires) if now_ms >= expires => Err(NoLonger::Expired),
            _ => Ok(&key.role),
        }
    }
}
