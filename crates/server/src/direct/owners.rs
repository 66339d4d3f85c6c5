//! Which server a resource belongs to.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Resources that are remembered. With more, all are forgotten, and the servers are asked in their order.
const RESOURCES: usize = 10_000;

/// Resources and templates by the servers that listed them. Addresses of resources are kept as they are, because tools and
/// other resources refer to them.
#[derive(Debug, Default)]
pub(super) struct Owners(Mutex<HashMap<String, String>>);

impl Owners {
    fn servers(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A server lists this. Of two that list the same, the first one keeps it.
    pub(super) fn lists(&self, uri: &str, server: &str) {
        let mut servers = self.servers();
        if servers.len() >= RESOURCES {
            servers.clear();
        }
        servers.entry(uri.to_owned()).or_insert_with(|| server.to_owned());
    }

    /// The servers to ask for it, the first one first: its owner alone, where that is known.
    pub(super) fn of<'a>(&self, uri: &str, servers: &[&'a str]) -> Vec<&'a str> {
        let owner = self.servers().get(uri).cloned();
        match servers.iter().find(|&&server| owner.as_deref() == Some(server)) {
            Some(&owner) => vec![owner],
            None => servers.to_vec(),
        }
    }
}
