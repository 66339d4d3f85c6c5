//! A journal in memory, which lives as long as the process.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use exuvia_tool::BoxFuture;

use crate::{Entry, Journal, JournalError, Seq, Stamped};

/// What part of a journal is for refusals.
const REFUSALS: usize = 8;

/// Keeps the newest entries, up to a bound in bytes. What is older is forgotten: a process that serves for months must not
/// grow for months. An eighth of it is for [refusals](crate::Event::RunRefused), and they push out nothing but one another: a refusal
/// costs a client nothing, and must not make the journal forget what was done.
#[derive(Debug)]
pub struct MemoryJournal {
    kept: Mutex<Kept>,
    limit_bytes: usize,
    clock: fn() -> u64,
}

#[derive(Debug, Default)]
struct Kept {
    done: Ring,
    refused: Ring,
    /// Entries so far: their order, across both.
    appended: u64,
}

#[derive(Debug, Default)]
struct Ring {
    entries: VecDeque<Stamped>,
    size_bytes: usize,
}

impl Ring {
    fn push(&mut self, stamped: Stamped, limit_bytes: usize) {
        self.size_bytes += stamped.entry.size_bytes();
        self.entries.push_back(stamped);
        while self.size_bytes > limit_bytes {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.size_bytes -= oldest.entry.size_bytes();
        }
    }
}

impl MemoryJournal {
    /// A journal of at most about `limit_bytes`. `clock` tells the time of day, in milliseconds since the epoch.
    #[must_use]
    pub fn new(limit_bytes: usize, clock: fn() -> u64) -> Self {
        Self { kept: Mutex::default(), limit_bytes, clock }
    }

    /// The entries that are still kept, oldest first.
    #[must_use]
    pub fn entries(&self) -> Vec<Stamped> {
        let kept = self.kept();
        let mut entries: Vec<_> = kept.done.entries.iter().chain(&kept.refused.entries).collect();
        entries.sort_by_key(|stamped| stamped.seq);
        entries.into_iter().cloned().collect()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MemoryJournal {
    fn append(&self, entry: Entry) -> Seq {
        let for_refusals = self.limit_bytes / REFUSALS;
        let is_refusal = entry.event.is_refusal();
        let mut kept = self.kept();
        kept.appended += 1;
        let seq = Seq(kept.appended);
        // Under the lock: the times have the order of the places, as far as the clock has.
        let stamped = Stamped { seq, at_ms: (self.clock)(), entry };
        if is_refusal {
            kept.refused.push(stamped, for_refusals);
        } else {
            kept.done.push(stamped, self.limit_bytes - for_refusals);
        }
        seq
    }
}

impl Journal for MemoryJournal {
    fn append_durable(&self, entry: Entry) -> BoxFuture<'_, Result<Seq, JournalError>> {
        Box::pin(std::future::ready(Ok(self.append(entry))))
    }

    fn enqueue(&self, entry: Entry) -> Result<(), JournalError> {
        self.append(entry);
        Ok(())
    }

    fn keeps_readings(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use exuvia_tool::{Arguments, CallId, Origin, Principal, RunId, ToolCall, ToolName};

    use super::*;
    use crate::{Event, RunStart};

    fn entry(run: u64, event: Event) -> Entry {
        Entry { principal: Principal::Operator, origin: Origin::Run(RunId::new(run.to_string())), event }
    }

    fn run_of(stamped: &Stamped) -> &str {
        stamped.entry.origin.run().map_or("", RunId::as_str)
    }

    #[test]
    fn the_oldest_entries_go_when_the_bound_is_reached() {
        let journal = MemoryJournal::new(10_000, || 7);
        for number in 0..1_000 {
            journal.enqueue(entry(number, Event::RunEnded(Box::default()))).expect("kept");
        }
        let entries = journal.entries();
        assert!(entries.len() < 200, "{}", entries.len());
        assert_eq!(entries.last().map(run_of), Some("999"));
    }

    #[test]
    fn refusals_push_out_nothing_that_was_done() {
        let journal = MemoryJournal::new(100_000, || 7);
        let started = |number: u64| {
            entry(number, Event::RunStarted(Box::new(RunStart { source: "x".repeat(1_000), ..RunStart::default() })))
        };
        journal.enqueue(started(1)).expect("kept");
        for id in 0..100_000 {
            let (name, arguments) = (ToolName::new("crm", "x".repeat(500)), Arguments::parse("{}").expect("JSON"));
            let call = ToolCall { id: CallId(id), name, arguments, line: None };
            let refused = Event::CallRefused { call, code: "denied".to_owned(), error: None, rule: String::new() };
            journal.enqueue(entry(1, refused)).expect("kept");
        }
        journal.enqueue(started(2)).expect("kept");
        let entries = journal.entries();
        let runs: Vec<_> = entries.iter().filter(|stamped| stamped.entry.event.kind() == "run-started").collect();
        assert_eq!(runs.len(), 2);
        assert!((2..40).contains(&entries.len()), "{}", entries.len());
        // In the order in which they came.
        assert_eq!(entries.first().map(|stamped| stamped.entry.event.kind()), Some("run-started"));
        assert_eq!(entries.last().map(run_of), Some("2"));
        assert_eq!(entries[1].entry.event.call_id(), Some(CallId(100_000 - (entries.len() as u64 - 2))));
    }
}
