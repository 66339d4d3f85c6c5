//! How much of something one of many may hold: so much that others have something left.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What each of many holds of something, and the most that one of them may hold.
#[derive(Debug)]
pub(super) struct Shares<K: Hash + Eq> {
    most: usize,
    held: Mutex<HashMap<K, usize>>,
}

/// What one of them holds, until this is dropped.
#[derive(Debug)]
pub(super) struct Share<K: Hash + Eq + Clone> {
    shares: Arc<Shares<K>>,
    key: K,
    amount: usize,
}

impl<K: Hash + Eq + Clone> Shares<K> {
    /// Nobody holds more than half of `all`.
    pub(super) fn half_of(all: usize) -> Arc<Self> {
        Self::of(all / 2)
    }

    /// Nobody holds more than this, which is one at least.
    pub(super) fn of(most: usize) -> Arc<Self> {
        Arc::new(Self { most: most.max(1), held: Mutex::default() })
    }

    /// How much one of them holds.
    pub(super) fn held_by(&self, key: &K) -> usize {
        self.held().get(key).copied().unwrap_or(0)
    }

    /// Whether one of them may hold more.
    pub(super) fn has_room(&self, key: &K) -> bool {
        self.held_by(key) < self.most
    }

    /// So much more for one of them. None: it would hold too much.
    pub(super) fn take(self: &Arc<Self>, key: K, amount: usize) -> Option<Share<K>> {
        let mut held = self.held();
        let own = held.get(&key).copied().unwrap_or(0);
        if own.saturating_add(amount) > self.most {
            return None;
        }
        held.insert(key.clone(), own + amount);
        drop(held);
        Some(Share { shares: Arc::clone(self), key, amount })
    }

    fn held(&self) -> MutexGuard<'_, HashMap<K, usize>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Hash + Eq + Clone> Share<K> {
    /// Holds so much more as well. Whether there is so much.
    pub(super) fn grow(&mut self, amount: usize) -> bool {
        let more = self.shares.take(self.key.clone(), amount);
        more.is_some_and(|mut more| {
            self.amount += std::mem::take(&mut more.amount);
            true
        })
    }
}

impl<K: Hash + Eq + Clone> Drop for Share<K> {
    fn drop(&mut self) {
        let mut held = self.shares.held();
        if let Some(own) = held.get_mut(&self.key) {
            *own = own.saturating_sub(self.amount);
            if *own == 0 {
                held.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_holds_more_than_half_and_what_is_dropped_is_free_again() {
        let shares = Shares::half_of(10);
        let (first, mut second) = (shares.take("a", 2).unwrap(), shares.take("a", 2).unwrap());
        assert!(shares.take("a", 2).is_none() && shares.take("b", 5).is_some());
        assert!(second.grow(1) && !second.grow(1));
        drop(first);
        assert_eq!((shares.held_by(&"a"), shares.has_room(&"a")), (3, true));
        drop(second);
        assert!(shares.held().is_empty(), "nothing is left behind");
    }

    #[test]
    fn there_is_always_something_for_one() {
        assert!(Shares::half_of(1).take("a", 1).is_some());
    }
}
