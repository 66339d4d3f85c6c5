//! Recently ended runs and direct calls, so that a late call does not reopen their lane.

use std::collections::{HashSet, VecDeque};
use std::sync::Mutex;

use exuvia_tool::{Origin, locked};

/// Runs that are remembered. A call comes late by the moment that two threads need to meet, not by thousands of runs.
const RUNS: usize = 4096;

/// The last runs that ended.
#[derive(Debug, Default)]
pub(crate) struct EndedRuns(Mutex<Ended>);

#[derive(Debug, Default)]
struct Ended {
    runs: HashSet<Origin>,
    order: VecDeque<Origin>,
}

impl EndedRuns {
    /// Remembers a run. Tells whether that is news.
    pub(crate) fn insert(&self, run: &Origin) -> bool {
        let mut ended = locked(&self.0);
        let new = ended.runs.insert(run.clone());
        if new {
            ended.order.push_back(run.clone());
            if ended.order.len() > RUNS
                && let Some(oldest) = ended.order.pop_front()
            {
                ended.runs.remove(&oldest);
            }
        }
        new
    }

    /// Forgets a run that was parked and goes on.
    pub(crate) fn remove(&self, run: &Origin) {
        let mut ended = locked(&self.0);
        if ended.runs.remove(run) {
            ended.order.retain(|one| one != run);
        }
    }

    /// Whether this run is over.
    pub(crate) fn contains(&self, run: &Origin) -> bool {
        locked(&self.0).runs.contains(run)
    }
}

#[cfg(test)]
mod tests {
    use exuvia_tool::RunId;

    use super::*;

    #[test]
    fn the_last_runs_are_remembered_and_no_more() {
        let (ended, run) = (EndedRuns::default(), |n: usize| Origin::Run(RunId::new(n.to_string())));
        assert!(ended.insert(&run(0)));
        assert!(!ended.insert(&run(0)));
        for n in 1..=RUNS {
            ended.insert(&run(n));
        }
        assert!(!ended.contains(&run(0)) && ended.contains(&run(1)) && ended.contains(&run(RUNS)));
        assert_eq!(locked(&ended.0).runs.len(), RUNS);
    }
}
