//! Which server something belongs to that clients name without it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use indexmap::IndexMap;

/// Things that are remembered. With more, the oldest are forgotten.
pub(super) const THINGS: usize = 10_000;
/// The longest name that is remembered, in bytes.
pub(super) const NAME_BYTES: usize = 4 << 10;

/// Things by the servers that named them first. Their names are kept as they are, because tools and resources refer to them.
#[derive(Debug, Default)]
pub(super) struct Owners(Mutex<IndexMap<String, String>>);

impl Owners {
    fn servers(&self) -> MutexGuard<'_, IndexMap<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A server names this. Of two that name the same, the first one keeps it.
    pub(super) fn claim(&self, name: &str, server: &str) {
        let mut servers = self.servers();
        if name.len() > NAME_BYTES || servers.contains_key(name) {
            return;
        }
        if servers.len() >= THINGS {
            servers.shift_remove_index(0);
        }
        servers.insert(name.to_owned(), server.to_owned());
    }

    /// Whose it is, if that is known.
    pub(super) fn owner(&self, name: &str) -> Option<String> {
        self.servers().get(name).cloned()
    }
}
