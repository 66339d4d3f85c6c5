//! Interpreters of sessions in memory.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use exuvia_replay::SessionFiles;
use exuvia_runtime::Instance;

/// An interpreter between two scripts.
#[derive(Debug)]
pub(super) struct WarmSession {
    /// The run of the last script.
    pub(super) last: Option<String>,
    /// Where its clock stood.
    pub(super) clock: Duration,
    pub(super) files: SessionFiles,
    pub(super) instance: Instance,
}

/// Interpreters between two scripts. What a method takes out is dropped by its caller, without the lock.
#[derive(Debug, Default)]
pub(super) struct Warm(HashMap<String, (Instant, WarmSession)>);

impl Warm {
    pub(super) fn take(&mut self, key: &str) -> Option<WarmSession> {
        self.0.remove(key).map(|(_, warm)| warm)
    }

    pub(super) fn insert(&mut self, key: String, warm: WarmSession) {
        self.0.insert(key, (Instant::now(), warm));
    }

    /// Takes out the one that was not used for longest.
    pub(super) fn oldest(&mut self) -> Option<WarmSession> {
        let (key, _) = self.0.iter().min_by_key(|(_, (used, _))| *used)?;
        let key = key.clone();
        self.take(&key)
    }

    /// Takes out so many that one more makes `most`.
    pub(super) fn make_room(&mut self, most: usize) -> Vec<WarmSession> {
        let over = (self.0.len() + 1).saturating_sub(most.max(1));
        (0..over).filter_map(|_| self.oldest()).collect()
    }

    /// Takes out those that were not used since then.
    pub(super) fn idle_since(&mut self, since: Option<Instant>) -> Vec<WarmSession> {
        let Some(since) = since else { return Vec::new() };
        let idle: Vec<_> = self.0.iter().filter(|(_, (used, _))| *used < since).map(|(key, _)| key.clone()).collect();
        idle.iter().filter_map(|key| self.take(key)).collect()
    }

    /// How many bytes one holds. None: it is not there.
    pub(super) fn bytes_of(&self, key: &str) -> Option<u64> {
        self.0.get(key).map(|(_, warm)| warm.instance.memory_bytes())
    }

    /// How many there are, and how many bytes they hold.
    pub(super) fn size(&self) -> (usize, u64) {
        (self.0.len(), self.0.values().map(|(_, warm)| warm.instance.memory_bytes()).sum())
    }
}
