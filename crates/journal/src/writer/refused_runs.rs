//! Runs whose start could not be recorded: nothing is recorded of them.

use std::collections::{HashSet, VecDeque};

use exuvia_tool::RunId;

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

    /// One is begun anew.
    pub(super) fn remove(&mut self, run: Option<&RunId>) {
        if !self.all.is_empty() {
            let _ = run.map(|run| self.all.remove(run));
        }
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
