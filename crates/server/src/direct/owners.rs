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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_names_something_first_keeps_it() {
        let owners = Owners::default();
        for (name, server) in [("a", "left"), ("a", "left"), ("b", "right"), ("a", "right")] {
            owners.claim(name, server);
        }
        assert_eq!([owners.owner("a"), owners.owner("c")], [Some("left".to_owned()), None]);
    }

    #[test]
    fn the_oldest_are_forgotten_and_nothing_else() {
        let owners = Owners::default();
        for number in 0..THINGS {
            owners.claim(&number.to_string(), "left");
        }
        owners.claim("0", "left");
        assert_eq!(owners.owner("0").as_deref(), Some("left"), "there is room for {THINGS}");
        owners.claim("one more", "right");
        assert_eq!(owners.owner("0"), None);
        assert_eq!(owners.owner("1").as_deref(), Some("left"));
        assert_eq!(owners.owner("one more").as_deref(), Some("right"));
        owners.claim("0", "right");
        assert_eq!([owners.owner("0").as_deref(), owners.owner("1").as_deref()], [Some("right"), None]);
    }
}
