//! A cache of what takes long to make, bounded by what its values weigh together.

use std::hash::{BuildHasher as _, Hash};
use std::sync::{Arc, Mutex, OnceLock};

use exuvia_tool::locked;
use indexmap::IndexMap;

/// How many are looked at for one that makes room.
const CANDIDATES: usize = 8;
/// One that was not used while each was used so often is idle.
const IDLE_ROUNDS: u64 = 4;

/// Values that are kept while they weigh no more than there is room for. The newest one is kept whatever it weighs.
#[derive(Debug)]
pub(crate) struct WeighedCache<K, V> {
    room: usize,
    kept: Mutex<Kept<K, V>>,
}

#[derive(Debug)]
struct Kept<K, V> {
    places: IndexMap<K, Place<V>>,
    weight: usize,
    uses: u64,
}

#[derive(Debug)]
struct Place<V> {
    value: Arc<OnceLock<Arc<V>>>,
    used: u64,
    /// 0 until it is made.
    weight: usize,
}

impl<K: Clone + Eq + Hash, V> WeighedCache<K, V> {
    /// An empty one with this room.
    pub(crate) fn new(room: usize) -> Self {
        Self { room, kept: Mutex::new(Kept { places: IndexMap::new(), weight: 0, uses: 0 }) }
    }

    /// A value that is kept.
    pub(crate) fn get(&self, key: &K) -> Option<Arc<V>> {
        locked(&self.kept).used(key)?.value.get().cloned()
    }

    /// A value, which is made if it is not kept: without a lock, and once for all who ask for it meanwhile.
    pub(crate) fn get_or_make(&self, key: &K, make: impl FnOnce() -> V, weight: impl FnOnce(&V) -> usize) -> Arc<V> {
        let place = {
            let mut kept = locked(&self.kept);
            let empty = || Place { value: Arc::default(), used: 0, weight: 0 };
            kept.places.entry(key.clone()).or_insert_with(empty);
            kept.used(key).map(|place| Arc::clone(&place.value)).unwrap_or_default()
        };
        let value = Arc::clone(place.get_or_init(|| Arc::new(make())));
        let weight = weight(&value);
        // What makes room is dropped here, without the lock.
        drop(self.settle(key, &place, weight));
        value
    }

    /// Counts a value that was made. What is kept no more for it.
    fn settle(&self, key: &K, made: &Arc<OnceLock<Arc<V>>>, weight: usize) -> Vec<Place<V>> {
        let mut removed = Vec::new();
        let mut kept = locked(&self.kept);
        let Some(place) = kept.places.get_mut(key).filter(|place| Arc::ptr_eq(&place.value, made)) else {
            return removed;
        };
        let before = std::mem::replace(&mut place.weight, weight);
        kept.weight = kept.weight - before + weight;
        while kept.weight > self.room {
            let Some(place) = kept.remove_one(key) else { break };
            removed.push(place);
        }
        removed
    }

    /// What is kept.
    pub(crate) fn all(&self) -> Vec<(K, Arc<V>)> {
        let kept = locked(&self.kept);
        kept.places.iter().filter_map(|(key, place)| Some((key.clone(), Arc::clone(place.value.get()?)))).collect()
    }
}

impl<K: Eq + Hash, V> Kept<K, V> {
    fn used(&mut self, key: &K) -> Option<&Place<V>> {
        self.uses += 1;
        let place = self.places.get_mut(key)?;
        place.used = self.uses;
        Some(place)
    }

    /// Takes out the least recently used of some, but not this one. If all of them are in use, any: where more keys take turns than there
    /// is room for, the least recently used is always the one that is needed next.
    fn remove_one(&mut self, but: &K) -> Option<Place<V>> {
        self.uses += 1;
        let places = self.places.len() as u64;
        let start = self.places.hasher().hash_one(self.uses) % places;
        let apart = (places / CANDIDATES as u64).max(1);
        let at = |n: u64| usize::try_from((start + n * apart) % places).unwrap_or(0);
        let is_other = |at: &usize| self.places.get_index(*at).is_some_and(|(key, _)| key != but);
        let candidates: Vec<usize> = (0..=CANDIDATES as u64).map(at).filter(is_other).collect();
        let oldest = candidates.iter().copied().min_by_key(|&at| self.places[at].used)?;
        let is_idle = self.uses - self.places[oldest].used > IDLE_ROUNDS * places;
        let (_, place) = self.places.swap_remove_index(if is_idle { oldest } else { *candidates.first()? })?;
        self.weight -= place.weight;
        Some(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asks for so many values in turn, some rounds. How often one was made.
    fn made(cache: &WeighedCache<usize, usize>, values: usize, weight: usize, rounds: usize) -> usize {
        let mut made = 0;
        for value in (0..rounds).flat_map(|_| 0..values) {
            if cache.get(&value).is_none() {
                made += 1;
                assert_eq!(*cache.get_or_make(&value, || weight, |weight| *weight), weight);
            }
        }
        let kept = locked(&cache.kept);
        assert_eq!(kept.weight, kept.places.values().map(|place| place.weight).sum::<usize>());
        assert!(kept.weight <= cache.room, "{}", kept.weight);
        made
    }

    #[test]
    fn what_there_is_room_for_is_made_once() {
        assert_eq!(made(&WeighedCache::new(256), 256, 1, 5), 256);
        assert_eq!(made(&WeighedCache::new(256), 25, 10, 5), 25);
    }

    #[test]
    fn more_than_there_is_room_for_do_not_make_the_cache_useless() {
        let made = made(&WeighedCache::new(256), 320, 1, 20);
        // By age alone all 6,400 would be made.
        assert!((320..4_000).contains(&made), "{made}");
    }

    #[test]
    fn what_is_not_asked_for_makes_room() {
        let cache = WeighedCache::new(256);
        made(&cache, 256, 1, 1);
        let mut made_again = 0;
        for value in 256..1_000 {
            for used in 0..128 {
                made_again += usize::from(cache.get(&used).is_none());
                cache.get_or_make(&used, || 1, |_| 1);
            }
            cache.get_or_make(&value, || 1, |_| 1);
        }
        assert!(made_again < 100, "{made_again}");
    }

    #[test]
    fn a_value_that_is_larger_than_the_room_is_kept_alone() {
        let cache = WeighedCache::new(10);
        cache.get_or_make(&1, || 5, |weight| *weight);
        cache.get_or_make(&2, || 50, |weight| *weight);
        assert!(cache.get(&1).is_none() && cache.get(&2).is_some());
        cache.get_or_make(&3, || 5, |weight| *weight);
        assert!(cache.get(&2).is_none() && cache.get(&3).is_some());
    }
}
