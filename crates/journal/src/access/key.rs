//! What is kept of an issued key.

use std::collections::BTreeMap;
use std::fmt;

/// An issued key, as it is kept: never its secret.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredKey {
    /// Its name: the principal is `key:NAME`.
    pub name: String,
    /// The version of all keys when it was written. 0: it is not written yet.
    pub revision: u64,
    /// The role that it has.
    pub role: String,
    /// The SHA-256 of its secret.
    pub hash: [u8; 32],
    /// The secret before the last rotation, while it still holds.
    pub previous: Option<PreviousSecret>,
    /// When it was made, in milliseconds since the epoch.
    pub created_ms: u64,
    /// When it got its secret, in milliseconds since the epoch.
    pub rotated_ms: u64,
    /// When it stops to hold, in milliseconds since the epoch. None: it does not expire.
    pub expires_ms: Option<u64>,
    /// When it was revoked, in milliseconds since the epoch.
    pub revoked_ms: Option<u64>,
    /// What it is labelled with: budgets and reports group by them.
    pub labels: BTreeMap<String, String>,
    /// Budgets that are other ones for it, for a time.
    pub overrides: Vec<BudgetOverride>,
}

/// A secret that was replaced, and holds for a while longer.
#[derive(Clone, PartialEq, Eq)]
pub struct PreviousSecret {
    /// Its SHA-256.
    pub hash: [u8; 32],
    /// When it stops to hold, in milliseconds since the epoch.
    pub until_ms: u64,
}

/// A budget that is another one for a key, for a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetOverride {
    /// The budget, by its name in the configuration.
    pub budget: String,
    /// What its limits are multiplied by, in percent: 200 is twice as much. 100 where only `amounts` count.
    pub percent: u32,
    /// Limits that stand in place of the configured ones, by the name of the setting: `runs`, `calls`, `fuel`, `wall_ms`, and `cost` in millionths.
    pub amounts: BTreeMap<String, u64>,
    /// When it ends, in milliseconds since the epoch.
    pub until_ms: u64,
}

/// Keys that were written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyChanges {
    /// The version of all keys that includes these.
    pub version: u64,
    /// The keys, in the order in which they were written last.
    pub keys: Vec<StoredKey>,
}

impl StoredKey {
    /// When it was revoked or expires, whichever is first, in milliseconds since the epoch. None: neither.
    #[must_use]
    pub fn ended_ms(&self) -> Option<u64> {
        self.revoked_ms.into_iter().chain(self.expires_ms).min()
    }
}

impl fmt::Debug for StoredKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredKey")
            .field("name", &self.name)
            .field("revision", &self.revision)
            .field("role", &self.role)
            .field("expires_ms", &self.expires_ms)
            .field("revoked_ms", &self.revoked_ms)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for PreviousSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreviousSecret").field("until_ms", &self.until_ms).finish_non_exhaustive()
    }
}
