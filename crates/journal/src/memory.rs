//! A journal that lives as long as the process.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use crate::{Entry, Journal, JournalError};

/// Keeps the newest entries, up to a bound in bytes. What is older is forgotten: a process that serves for months must not
/// grow for months.
#[derive(Debug)]
pub struct MemoryJournal {
    kept: Mutex<Kept>,
    limit_bytes: usize,
}

#[derive(Debug, Default)]
struct Kept {
    entries: VecDeque<Entry>,
    size_bytes: usize,
}

impl MemoryJournal {
    /// A journal of at most about `limit_bytes`.
    #[must_use]
    pub fn new(limit_bytes: usize) -> Self {
        Self { kept: Mutex::default(), limit_bytes }
    }

    /// The entries that are still kept, oldest first.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).entries.iter().cloned().collect()
    }
}

impl Journal for MemoryJournal {
    fn append(&self, entry: Entry) -> Result<(), JournalError> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.size_bytes += entry.size_bytes();
        kept.entries.push_back(entry);
        while kept.size_bytes > self.limit_bytes {
            let Some(oldest) = kept.entries.pop_front() else { break };
            kept.size_bytes -= oldest.size_bytes();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use exuvia_tool::RunId;

    use super::*;

    #[test]
    fn the_oldest_entries_go_when_the_bound_is_reached() {
        let journal = MemoryJournal::new(10_000);
        for number in 0..1_000 {
            journal
                .append(Entry::RunEnded { run: RunId(number.to_string()), outcome: "returned".into() })
                .expect("kept");
        }
        let entries = journal.entries();
        assert!(entries.len() < 200, "{}", entries.len());
        assert!(matches!(entries.last(), Some(Entry::RunEnded { run, .. }) if run.0 == "999"));
    }
}
