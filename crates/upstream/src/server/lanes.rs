//! The lanes to one server: who gets which, how many there are, and when they close.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use exuvia_tool::RunId;
use tokio::task::JoinSet;

use super::dialer::Dialer;
use super::ended_runs::EndedRuns;
use super::lane::Lane;
use super::refused::Refused;
use crate::exchange::locked;
use crate::{Caller, Share};

/// The lanes to one server.
#[derive(Debug)]
pub(crate) struct Lanes {
    dialer: Arc<Dialer>,
    /// The operator's: it exists from the beginning to the end, and the list of tools is read over it.
    first: Arc<Lane>,
    ended: Arc<EndedRuns>,
    others: Mutex<Others>,
    /// Lanes that are closing. As many as may be open, at most: closing takes 6 s, and runs can be shorter than that.
    closing: Mutex<JoinSet<()>>,
}

#[derive(Debug, Default)]
struct Others {
    lanes: HashMap<Owner, Used>,
    shut_down: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Owner {
    Key(Arc<str>),
    Run(RunId),
}

#[derive(Debug)]
struct Used {
    lane: Arc<Lane>,
    usage: Arc<Mutex<Usage>>,
}

#[derive(Debug)]
struct Usage {
    calls: usize,
    last: Instant,
}

/// A lane in use: it is not closed for being idle.
#[derive(Debug)]
pub(crate) struct Lease {
    lane: Arc<Lane>,
    usage: Option<Arc<Mutex<Usage>>>,
}

impl Lanes {
    pub(crate) fn new(dialer: Arc<Dialer>, ended: Arc<EndedRuns>) -> Self {
        let first = Arc::new(Lane::new(dialer.clone()));
        Self { dialer, first, ended, others: Mutex::default(), closing: Mutex::default() }
    }

    /// The lane over which the list is read. With [`Share::Run`] it carries no calls.
    pub(crate) fn first(&self) -> &Arc<Lane> {
        &self.first
    }

    /// The caller's lane.
    ///
    /// # Errors
    ///
    /// The run is over, or there are too many lanes and none is idle.
    pub(crate) fn lease(&self, caller: &Caller) -> Result<Lease, Refused> {
        // Whoever ends the run first marks it and then looks here for its lane: under this lock it is not missed.
        let mut others = locked(&self.others);
        if self.ended.contains(&caller.run) {
            return Err(Refused::RunOver);
        }
        let owner = match (self.dialer.config.share, &caller.key) {
            (Share::All, _) | (Share::Key, None) => return Ok(Lease { lane: self.first.clone(), usage: None }),
            (Share::Key, Some(key)) => Owner::Key(key.clone()),
            (Share::Run, _) => Owner::Run(caller.run.clone()),
        };
        if others.shut_down {
            return Err(Refused::ShutDown);
        }
        if !others.lanes.contains_key(&owner) {
            self.make_room(&mut others)?;
        }
        let used = others.lanes.entry(owner).or_insert_with(|| Used {
            lane: Arc::new(Lane::new(self.dialer.clone())),
            usage: Arc::new(Mutex::new(Usage { calls: 0, last: Instant::now() })),
        });
        locked(&used.usage).calls += 1;
        Ok(Lease { lane: used.lane.clone(), usage: Some(used.usage.clone()) })
    }

    /// The key's lane that has been idle longest goes. A run's lane never does: with it would go what the run has done there.
    fn make_room(&self, others: &mut Others) -> Result<(), Refused> {
        let connections = self.dialer.limits.connections.max(1);
        let mut closing = locked(&self.closing);
        while closing.try_join_next().is_some() {}
        if closing.len() >= connections {
            return Err(Refused::Full { connections });
        }
        drop(closing);
        if others.lanes.len() < connections {
            return Ok(());
        }
        let idle = others.lanes.iter().filter_map(|(owner, used)| Some((used.idle_since(owner)?, owner)));
        let longest = idle.min_by_key(|&(since, _)| since).map(|(_, owner)| owner.clone());
        let used = longest.and_then(|owner| others.lanes.remove(&owner));
        self.close(used.ok_or(Refused::Full { connections })?);
        Ok(())
    }

    /// Closes the lanes of keys that have had nothing to do for this long.
    pub(crate) fn close_idle(&self, time: Duration) {
        let now = Instant::now();
        let idle = |owner: &Owner, used: &mut Used| used.idle_since(owner).is_some_and(|since| now >= since + time);
        let closed: Vec<Used> =
            locked(&self.others).lanes.extract_if(|owner, used| idle(owner, used)).map(|(_, used)| used).collect();
        closed.into_iter().for_each(|used| self.close(used));
    }

    /// A run is over. It must have been marked as ended.
    pub(crate) fn run_ended(&self, run: &RunId) {
        if self.dialer.config.share == Share::Run {
            let used = locked(&self.others).lanes.remove(&Owner::Run(run.clone()));
            if let Some(used) = used {
                self.close(used);
            }
        }
    }

    /// Closes a lane that nobody finds any more.
    fn close(&self, used: Used) {
        let close = async move { used.lane.close(Refused::RunOver).await };
        locked(&self.closing).spawn_on(close, &self.dialer.runtime);
    }

    /// Closes all lanes side by side, for good: at most 6 s.
    pub(crate) async fn shut_down(&self) {
        let others = {
            let mut others = locked(&self.others);
            others.shut_down = true;
            std::mem::take(&mut others.lanes)
        };
        let mut closing = std::mem::take(&mut *locked(&self.closing));
        for lane in others.into_values().map(|used| used.lane).chain([self.first.clone()]) {
            closing.spawn_on(async move { lane.close(Refused::ShutDown).await }, &self.dialer.runtime);
        }
        while closing.join_next().await.is_some() {}
    }
}

impl Used {
    /// Since when it may be closed for the sake of others.
    fn idle_since(&self, owner: &Owner) -> Option<Instant> {
        let usage = locked(&self.usage);
        (matches!(owner, Owner::Key(_)) && usage.calls == 0).then_some(usage.last)
    }
}

impl Deref for Lease {
    type Target = Arc<Lane>;

    fn deref(&self) -> &Arc<Lane> {
        &self.lane
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(usage) = &self.usage {
            let mut usage = locked(usage);
            usage.calls -= 1;
            usage.last = Instant::now();
        }
    }
}
