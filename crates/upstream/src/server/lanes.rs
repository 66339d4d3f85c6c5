//! The lanes to one server: who gets which, how many there are, and when they close.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use exuvia_config::Share;
use exuvia_tool::{CallContext, Origin, Principal, locked};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::dialer::Dialer;
use super::elicitation_history::{Asks, ElicitationHistory};
use super::ended_runs::EndedRuns;
use super::lane::Lane;
use super::lane_error::LaneError;

/// How long the lane of a client stays open with nothing to do, at most.
pub(crate) const CLIENT_IDLE: Duration = Duration::from_secs(120);

/// The lanes to one server.
#[derive(Debug)]
pub(crate) struct Lanes {
    dialer: Arc<Dialer>,
    history: Arc<ElicitationHistory>,
    /// The operator's: it exists from the beginning to the end, and the list of tools is read over it.
    first: Arc<Lane>,
    ended: Arc<EndedRuns>,
    others: Mutex<Others>,
    /// A client that is gone uses its lane no more.
    left: Arc<Notify>,
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
    Principal(Principal),
    /// For calls of tools that ask.
    Client(Arc<str>),
    Origin(Origin),
}

#[derive(Debug)]
struct Used {
    lane: Arc<Lane>,
    usage: Arc<Mutex<LaneUsage>>,
}

#[derive(Debug)]
struct LaneUsage {
    calls: usize,
    last: Instant,
    /// Its client is gone.
    is_left: bool,
}

/// A lane in use: it is not closed for being idle.
#[derive(Debug)]
pub(crate) struct Lease {
    lane: Arc<Lane>,
    usage: Option<Arc<Mutex<LaneUsage>>>,
    left: Arc<Notify>,
}

impl Lanes {
    pub(crate) fn new(dialer: Arc<Dialer>, ended: Arc<EndedRuns>) -> Self {
        let history = Arc::<ElicitationHistory>::default();
        let first = Arc::new(Lane::new(dialer.clone(), history.clone()));
        Self {
            dialer,
            history,
            first,
            ended,
            others: Mutex::default(),
            left: Arc::default(),
            closing: Mutex::default(),
        }
    }

    /// The lane over which the list is read. With [`Share::Run`] it carries no calls.
    pub(crate) fn first(&self) -> &Arc<Lane> {
        &self.first
    }

    /// The caller's lane, and for a tool that asks its client a lane of the client's own. Where there is no room for that, a tool
    /// that has not been seen to ask goes where the others do.
    ///
    /// # Errors
    ///
    /// The run is over, or there are too many lanes and none is idle.
    pub(crate) fn lease(&self, context: &CallContext, asks: Option<&str>) -> Result<Lease, LaneError> {
        let asks = asks.and_then(|tool| self.history.of(tool)).filter(|_| self.dialer.config.share != Share::Run);
        match self.find(context, context.client.as_ref().filter(|_| asks.is_some())) {
            Err(LaneError::Full { .. }) if asks == Some(Asks::Perhaps) => self.find(context, None),
            found => found,
        }
    }

    fn find(&self, context: &CallContext, client: Option<&Arc<str>>) -> Result<Lease, LaneError> {
        // Whoever ends the run first marks it and then looks here for its lane: under this lock it is not missed.
        let mut others = locked(&self.others);
        if self.ended.contains(&context.origin) {
            return Err(LaneError::RunOver);
        }
        let owner = match (client, self.dialer.config.share, &context.principal) {
            (Some(client), ..) => Owner::Client(client.clone()),
            (None, Share::All, _) | (None, Share::Key, Principal::Operator) => {
                return Ok(Lease { lane: self.first.clone(), usage: None, left: self.left.clone() });
            }
            (None, Share::Key, principal) => Owner::Principal(principal.clone()),
            (None, Share::Run, _) => Owner::Origin(context.origin.clone()),
        };
        if others.shut_down {
            return Err(LaneError::ShutDown);
        }
        if !others.lanes.contains_key(&owner) {
            self.make_room(&mut others)?;
        }
        let make = if matches!(owner, Owner::Client(_)) { Lane::own } else { Lane::new };
        let used = others.lanes.entry(owner).or_insert_with(|| Used {
            lane: Arc::new(make(self.dialer.clone(), self.history.clone())),
            usage: Arc::new(Mutex::new(LaneUsage { calls: 0, last: Instant::now(), is_left: false })),
        });
        locked(&used.usage).calls += 1;
        Ok(Lease { lane: used.lane.clone(), usage: Some(used.usage.clone()), left: self.left.clone() })
    }

    /// The lane of a key or a client that has been idle longest goes. A run's lane never does: with it would go what the run has
    /// done there.
    fn make_room(&self, others: &mut Others) -> Result<(), LaneError> {
        let connections = self.dialer.limits.connections.max(1);
        let mut closing = locked(&self.closing);
        while closing.try_join_next().is_some() {}
        if closing.len() >= connections {
            return Err(LaneError::Full { connections });
        }
        drop(closing);
        if others.lanes.len() < connections {
            return Ok(());
        }
        let idle = others.lanes.iter().filter_map(|(owner, used)| Some((used.idle_since(owner)?, owner)));
        let longest = idle.min_by_key(|&(since, _)| since).map(|(_, owner)| owner.clone());
        let used = longest.and_then(|owner| others.lanes.remove(&owner));
        self.close(used.ok_or(LaneError::Full { connections })?);
        Ok(())
    }

    /// Closes the lanes of keys that have had nothing to do for this long, and those of clients, at once where they are gone.
    pub(crate) fn close_idle(&self, time: Duration) {
        let now = Instant::now();
        let idle = |owner: &Owner, used: &mut Used| {
            let time = if matches!(owner, Owner::Client(_)) { time.min(CLIENT_IDLE) } else { time };
            used.idle_since(owner).is_some_and(|since| locked(&used.usage).is_left || now >= since + time)
        };
        let closed: Vec<Used> =
            locked(&self.others).lanes.extract_if(|owner, used| idle(owner, used)).map(|(_, used)| used).collect();
        closed.into_iter().for_each(|used| self.close(used));
    }

    /// A run, or a client's own call, is over. It must have been marked as ended.
    pub(crate) fn ended(&self, origin: &Origin) {
        if self.dialer.config.share == Share::Run {
            let used = locked(&self.others).lanes.remove(&Owner::Origin(origin.clone()));
            if let Some(used) = used {
                self.close(used);
            }
        }
    }

    /// A client is gone: its lane closes when its last call there is over.
    pub(crate) fn client_gone(&self, client: &str) {
        let others = locked(&self.others);
        if let Some(used) = others.lanes.get(&Owner::Client(client.into())) {
            locked(&used.usage).is_left = true;
            self.left.notify_one();
        }
    }

    /// Waits until there may be a lane to close whose client is gone.
    pub(crate) async fn left(&self) {
        self.left.notified().await;
    }

    /// Closes a lane that was removed.
    fn close(&self, used: Used) {
        let close = async move { used.lane.close(LaneError::RunOver).await };
        locked(&self.closing).spawn_on(close, &self.dialer.runtime);
    }

    /// Closes all lanes concurrently and permanently, within 6 s.
    pub(crate) async fn shut_down(&self) {
        let others = {
            let mut others = locked(&self.others);
            others.shut_down = true;
            std::mem::take(&mut others.lanes)
        };
        let mut closing = std::mem::take(&mut *locked(&self.closing));
        for lane in others.into_values().map(|used| used.lane).chain([self.first.clone()]) {
            closing.spawn_on(async move { lane.close(LaneError::ShutDown).await }, &self.dialer.runtime);
        }
        while closing.join_next().await.is_some() {}
    }
}

impl Used {
    /// Since when it may be closed for the sake of others.
    fn idle_since(&self, owner: &Owner) -> Option<Instant> {
        let usage = locked(&self.usage);
        (!matches!(owner, Owner::Origin(_)) && usage.calls == 0).then_some(usage.last)
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
            if usage.is_left {
                self.left.notify_one();
            }
        }
    }
}
