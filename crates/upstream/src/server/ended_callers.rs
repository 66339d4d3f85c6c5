//! Callers that are over: runs, direct calls and clients, so that a late call does not leave a lane behind.

use std::borrow::Borrow;
use std::collections::{HashSet, VecDeque};
use std::hash::Hash;
use std::sync::{Arc, Mutex};

use exuvia_tool::{Origin, locked};

/// Callers that are remembered of each kind. A call comes late by the moment that two threads need to meet, not by thousands of runs. What a
/// call opens for a client that was forgotten closes when it was idle as long as that of any client.
const REMEMBERED: usize = 4096;

/// The last callers that ended, of all servers.
#[derive(Debug, Default)]
pub(crate) struct EndedCallers {
    /// Runs and direct calls: they get no lane any more.
    pub(crate) runs: LastEnded<Origin>,
    /// Clients: a lane of one of these does not stay open for more calls.
    pub(crate) clients: LastEnded<Arc<str>>,
}

/// The last of one kind that ended.
#[derive(Debug)]
pub(crate) struct LastEnded<T>(Mutex<Ended<T>>);

#[derive(Debug)]
struct Ended<T> {
    all: HashSet<T>,
    order: VecDeque<T>,
}

impl<T> Default for LastEnded<T> {
    fn default() -> Self {
        Self(Mutex::new(Ended { all: HashSet::new(), order: VecDeque::new() }))
    }
}

impl<T: Clone + Eq + Hash> LastEnded<T> {
    /// Remembers one. Tells whether that is news.
    pub(crate) fn insert(&self, one: &T) -> bool {
        let mut ended = locked(&self.0);
        let new = ended.all.insert(one.clone());
        if new {
            ended.order.push_back(one.clone());
            if ended.order.len() > REMEMBERED
                && let Some(oldest) = ended.order.pop_front()
            {
                ended.all.remove(&oldest);
            }
        }
        new
    }

    /// Forgets one that goes on: a run that was parked, a client that uses its connection again.
    pub(crate) fn remove(&self, one: &T) {
        let mut ended = locked(&self.0);
        // Whoever goes on ended not long ago.
        if ended.all.remove(one)
            && let Some(place) = ended.order.iter().rposition(|other| other == one)
        {
            ended.order.remove(place);
        }
    }

    /// Whether this one is over.
    pub(crate) fn contains<Q: Eq + Hash + ?Sized>(&self, one: &Q) -> bool
    where
        T: Borrow<Q>,
    {
        locked(&self.0).all.contains(one)
    }
}

#[cfg(test)]
mod tests {
    use exuvia_tool::RunId;

    use super::*;

    #[test]
    fn the_last_runs_are_remembered_and_no_more() {
        let (ended, run) = (LastEnded::default(), |n: usize| Origin::Run(RunId::new(n.to_string())));
        assert!(ended.insert(&run(0)));
        assert!(!ended.insert(&run(0)));
        for n in 1..=REMEMBERED {
            ended.insert(&run(n));
        }
        assert!(!ended.contains(&run(0)) && ended.contains(&run(1)) && ended.contains(&run(REMEMBERED)));
        assert_eq!(locked(&ended.0).all.len(), REMEMBERED);
    }
}
