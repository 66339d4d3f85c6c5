//! All keys of one moment, found by the hash of their secret and by their name.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use exuvia_journal::{BudgetOverride, KeyChanges, StoredKey};
use subtle::ConstantTimeEq as _;

use super::{KeyStanding, NoStanding};
use crate::secret::{HashBeginning, beginning};

/// All keys as of one moment.
pub(super) struct Table {
    by_hash: HashMap<HashBeginning, Arc<Key>>,
    by_name: HashMap<Arc<str>, Arc<Key>>,
    /// Names of roles: many keys have the same.
    roles: HashSet<Arc<str>>,
    none: (Arc<BTreeMap<String, String>>, Arc<[BudgetOverride]>),
    version: u64,
    as_of: Instant,
}

/// A key, with what its users share.
pub(super) struct Key {
    name: Arc<str>,
    role: Arc<str>,
    labels: Arc<BTreeMap<String, String>>,
    overrides: Arc<[BudgetOverride]>,
    hash: [u8; 32],
    previous: Option<Previous>,
    expires_ms: Option<u64>,
    is_revoked: bool,
}

struct Previous {
    hash: [u8; 32],
    until_ms: u64,
}

impl Table {
    /// These keys, as of the moment at which they were asked for.
    pub(super) fn of(all: KeyChanges, as_of: Instant) -> Self {
        let mut table = Self {
            by_hash: HashMap::with_capacity(all.keys.len()),
            by_name: HashMap::with_capacity(all.keys.len()),
            roles: HashSet::new(),
            none: (Arc::default(), Arc::new([])),
            version: 0,
            as_of,
        };
        table.apply(all, as_of);
        table
    }

    /// Puts changed keys in the place of what they were before.
    pub(super) fn apply(&mut self, changes: KeyChanges, as_of: Instant) {
        changes.keys.into_iter().for_each(|key| self.put(key));
        (self.version, self.as_of) = (changes.version, as_of);
    }

    fn put(&mut self, stored: StoredKey) {
        let key = Arc::new(self.key(stored));
        if let Some(before) = self.by_name.insert(Arc::clone(&key.name), Arc::clone(&key)) {
            before.hashes().for_each(|hash| drop(self.by_hash.remove(&beginning(hash))));
        }
        key.hashes().for_each(|hash| drop(self.by_hash.insert(beginning(hash), Arc::clone(&key))));
    }

    fn key(&mut self, stored: StoredKey) -> Key {
        let role = self.roles.get(stored.role.as_str()).cloned().unwrap_or_else(|| {
            let role: Arc<str> = stored.role.as_str().into();
            self.roles.insert(Arc::clone(&role));
            role
        });
        let (no_labels, no_overrides) = &self.none;
        let labels = if stored.labels.is_empty() { Arc::clone(no_labels) } else { Arc::new(stored.labels) };
        let overrides = if stored.overrides.is_empty() { Arc::clone(no_overrides) } else { stored.overrides.into() };
        let name = self.by_name.get_key_value(stored.name.as_str()).map(|(name, _)| Arc::clone(name));
        Key {
            name: name.unwrap_or_else(|| stored.name.into()),
            role,
            labels,
            overrides,
            hash: stored.hash,
            previous: stored.previous.map(|old| Previous { hash: old.hash, until_ms: old.until_ms }),
            expires_ms: stored.expires_ms,
            is_revoked: stored.revoked_ms.is_some(),
        }
    }

    /// The key that has, or had before its last rotation, the secret with this hash.
    pub(super) fn by_hash(&self, hash: &[u8; 32]) -> Option<&Key> {
        let key = self.by_hash.get(&beginning(hash))?;
        key.hashes().any(|one| one.ct_eq(hash).into()).then_some(key)
    }

    pub(super) fn by_name(&self, name: &str) -> Option<&Key> {
        self.by_name.get(name).map(|key| &**key)
    }

    /// The overrides of keys, by the names of those that have some.
    pub(super) fn overrides(&self) -> HashMap<String, Vec<BudgetOverride>> {
        let own = self.by_name.values().filter(|key| !key.overrides.is_empty());
        own.map(|key| (key.name.to_string(), key.overrides.to_vec())).collect()
    }

    pub(super) fn count(&self) -> usize {
        self.by_name.len()
    }

    /// The version of all keys.
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// When what it has was asked for.
    pub(super) fn as_of(&self) -> Instant {
        self.as_of
    }
}

impl Key {
    /// What holds of it for whoever has the secret with this hash.
    pub(super) fn standing(&self, hash: &[u8; 32], now_ms: u64) -> Result<KeyStanding, NoStanding> {
        let secret_until_ms = match &self.previous {
            _ if bool::from(self.hash.ct_eq(hash)) => None,
            Some(old) if bool::from(old.hash.ct_eq(hash)) => Some(old.until_ms),
            _ => return Err(NoStanding::Replaced),
        };
        let is_over = |at: Option<u64>| at.is_some_and(|at| now_ms >= at);
        match () {
            () if self.is_revoked => Err(NoStanding::Revoked),
            () if is_over(self.expires_ms) => Err(NoStanding::Expired),
            () if is_over(secret_until_ms) => Err(NoStanding::Replaced),
            () => Ok(KeyStanding {
                name: Arc::clone(&self.name),
                role: Arc::clone(&self.role),
                labels: Arc::clone(&self.labels),
                expires_ms: self.expires_ms.into_iter().chain(secret_until_ms).min(),
                overrides: Arc::clone(&self.overrides),
            }),
        }
    }

    /// The hash of its secret.
    pub(super) fn hash(&self) -> [u8; 32] {
        self.hash
    }

    /// Those of its secrets.
    fn hashes(&self) -> impl Iterator<Item = &[u8; 32]> {
        std::iter::once(&self.hash).chain(self.previous.as_ref().map(|old| &old.hash))
    }
}
