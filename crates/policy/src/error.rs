//! What is wrong with a policy.

use std::fmt;

use crate::key::Key;

/// Something in a policy that cannot be used. A policy with errors never takes effect, not even in part.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct PolicyError {
    /// The keys that lead to it, from the outermost one.
    pub key: Key,
    /// What is wrong and what to write.
    pub message: String,
}

impl PolicyError {
    pub(crate) fn new(key: &Key, message: impl Into<String>) -> Self {
        Self { key: key.clone(), message: message.into() }
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.message)
    }
}

impl std::error::Error for PolicyError {}
