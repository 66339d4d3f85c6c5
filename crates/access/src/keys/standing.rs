//! What holds of a key at one moment.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use exuvia_journal::BudgetOverride;

/// What holds of a key at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyStanding {
    /// Its name: the principal is `key:NAME`.
    pub name: Arc<str>,
    /// The role that it has.
    pub role: Arc<str>,
    /// What it is labelled with.
    pub labels: Arc<BTreeMap<String, String>>,
    /// When the key, or the secret that was shown, stops to hold, in milliseconds since the epoch. None: when it is revoked.
    pub expires_ms: Option<u64>,
    /// Budgets that are other ones for it, until they [end](BudgetOverride::until_ms).
    pub overrides: Arc<[BudgetOverride]>,
}

/// Why a secret stands for nobody. `Display` is for the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NoStanding {
    /// No key has it.
    Unknown,
    /// The key has expired.
    Expired,
    /// The key was revoked.
    Revoked,
    /// The key has another secret now.
    Replaced,
    /// The store has not answered for so long that nothing is known.
    Unavailable,
}

impl fmt::Display for NoStanding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "no key has this secret",
            Self::Expired => "the key has expired",
            Self::Revoked => "the key was revoked",
            Self::Replaced => "the secret of the key was replaced",
            Self::Unavailable => "the store of keys does not answer",
        })
    }
}

impl std::error::Error for NoStanding {}
