//! A journal that fails where it is told to.

use std::sync::{Mutex, MutexGuard, PoisonError};

use exuvia_journal::{Entry, Journal, JournalError, MemoryJournal};

/// Keeps entries in memory, but for those of the kinds that are to fail.
pub struct TestJournal {
    kept: MemoryJournal,
    failing: Mutex<Vec<&'static str>>,
}

impl TestJournal {
    /// One that keeps at most about so many bytes.
    #[must_use]
    pub fn new(limit_bytes: usize) -> Self {
        Self { kept: MemoryJournal::new(limit_bytes), failing: Mutex::default() }
    }

    fn failing(&self) -> MutexGuard<'_, Vec<&'static str>> {
        self.failing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on entries of these [kinds](exuvia_journal::Event::kind) cannot be kept, and all others can.
    pub fn fail(&self, kinds: &[&'static str]) {
        *self.failing() = kinds.to_vec();
    }

    /// What was kept.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        self.kept.entries()
    }

    /// The kinds of what was kept.
    #[must_use]
    pub fn kinds(&self) -> Vec<&'static str> {
        self.entries().iter().map(|entry| entry.event.kind()).collect()
    }
}

impl Default for TestJournal {
    fn default() -> Self {
        Self::new(16 << 20)
    }
}

impl Journal for TestJournal {
    fn append(&self, entry: Entry) -> Result<(), JournalError> {
        if self.failing().contains(&entry.event.kind()) {
            return Err(JournalError("the disk is full".to_owned()));
        }
        self.kept.append(entry)
    }
}
