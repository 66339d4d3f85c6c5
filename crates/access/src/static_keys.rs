//! Keys whose hashes are in the configuration.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use exuvia_config::KeyConfig;
use exuvia_tool::Principal;
use subtle::ConstantTimeEq as _;

use crate::error::{NoLonger, NotAuthenticated};
use crate::identity::{Identity, Source};
use crate::secret::{HashBeginning, beginning};

/// The keys of one configuration.
#[derive(Default)]
pub(crate) struct StaticKeys {
    by_hash: HashMap<HashBeginning, Holder>,
    by_name: BTreeMap<String, KeyConfig>,
}

/// Who has a key.
struct Holder {
    hash: [u8; 32],
    identity: Arc<Identity>,
    expires_ms: Option<u64>,
}

impl StaticKeys {
    pub(crate) fn new(keys: BTreeMap<String, KeyConfig>) -> Self {
        let entry = |(name, key): (&String, &KeyConfig)| {
            let (principal, source) = (Principal::Key(name.as_str().into()), Source::Configured { hash: key.hash });
            let identity = Identity::new(principal, &key.role, Arc::new(key.labels.clone()), source);
            (beginning(&key.hash), Holder { hash: key.hash, identity, expires_ms: key.expires_ms })
        };
        Self { by_hash: keys.iter().map(entry).collect(), by_name: keys }
    }

    /// Whose secret has this hash. None: nobody's. A table finds the beginning of the hash, and the whole is compared in constant time.
    pub(crate) fn find(&self, hash: &[u8; 32], now_ms: u64) -> Option<Result<Arc<Identity>, NotAuthenticated>> {
        let holder = self.holder(hash)?;
        let is_over = holder.expires_ms.is_some_and(|expires| now_ms >= expires);
        Some(if is_over { Err(NotAuthenticated::Invalid) } else { Ok(Arc::clone(&holder.identity)) })
    }

    fn holder(&self, hash: &[u8; 32]) -> Option<&Holder> {
        self.by_hash.get(&beginning(hash)).filter(|holder| bool::from(holder.hash.ct_eq(hash)))
    }

    /// Whether there is a key of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// The holder of the key of this name.
    pub(crate) fn identity(&self, name: &str) -> Option<Arc<Identity>> {
        let hash = self.by_name.get(name)?.hash;
        self.holder(&hash).map(|holder| Arc::clone(&holder.identity))
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

#[cfg(test)]
mod tests {
    use exuvia_config::AccessConfig;

    use super::*;

    #[test]
    fn a_hash_that_begins_like_that_of_a_key_is_nobodys() {
        let hash = [7; 32];
        let key = KeyConfig { role: "support".to_owned(), hash, expires_ms: None, labels: BTreeMap::new() };
        let config = AccessConfig { keys: [("ci".to_owned(), key)].into(), ..AccessConfig::default() };
        let keys = StaticKeys::new(config.keys);
        assert!(keys.find(&hash, 0).is_some_and(|found| found.is_ok()));
        for place in 0..32 {
            let mut other = hash;
            other[place] ^= 1;
            assert!(keys.find(&other, 0).is_none(), "{place}");
        }
    }
}
