//! Runs whose start could not be recorded: nothing is recorded of them.

use std::collections::{HashSet, VecDeque};

use exuvia_tool::RunId;

use super::queue::Waiting;
use crate::Entry;

/// How many are remembered. More runs than this do not go on at the same time.
const MAX_RUNS: usize = 1 << 16;

/// The latest runs whose start was refused. They are about to be cancelled, and may have made an entry meanwhile.
#[derive(Default)]
pub(super) struct RefusedRuns {
    all: HashSet<RunId>,
    in_order: VecDeque<RunId>,
}

impl RefusedRuns {
    /// Whether the entry is of one of them.
    pub(super) fn has(&self, entry: &Entry) -> bool {
        !self.all.is_empty() && entry.origin.run().is_some_and(|run| self.all.contains(run))
    }

    /// Of entries that cannot be written now, those that are refused, and the others, in order.
    pub(super) fn part(&mut self, entries: impl IntoIterator<Item = Waiting>) -> (Vec<Waiting>, Vec<Waiting>) {
        entries.into_iter().partition(|waiting| {
            let is_refused = self.has(&waiting.entry) || waiting.is_refused();
            if is_refused && waiting.is_start() {
                self.add(waiting.entry.origin.run());
            }
            is_refused
        })
    }

    /// Adds one.
    pub(super) fn add(&mut self, run: Option<&RunId>) {
        let Some(run) = run.filter(|run| self.all.insert(RunId::clone(run))) else { return };
        self.in_order.push_back(run.clone());
        if self.in_order.len() > MAX_RUNS
            && let Some(oldest) = self.in_order.pop_front()
        {
            self.all.remove(&oldest);
        }
    }
}
