//! Whose a lane is, and who uses it at the moment.

use std::ops::Deref;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use exuvia_tool::{CredentialId, Origin, Principal, locked};
use tokio::sync::Notify;

use super::lane::Lane;
use super::subscriptions::Subscriptions;

/// Who shares connections to a server: those that have the same credential for it, and where each principal has connections of its own, that
/// principal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Tenant {
    /// None: the server's own.
    pub(super) credential: Option<CredentialId>,
    /// None: all who have the credential.
    pub(super) principal: Option<Principal>,
}

impl Tenant {
    /// All who have neither another credential nor connections of their own.
    pub(super) fn is_everybody(&self) -> bool {
        *self == Self::default()
    }
}

/// Whose a lane is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Owner {
    pub(super) tenant: Tenant,
    pub(super) part: Part,
}

/// Which part of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Part {
    All,
    /// One client, for calls of tools that ask.
    Client(Arc<str>),
    Origin(Origin),
}

impl Owner {
    /// With it would go what the run has done there.
    pub(super) fn is_run(&self) -> bool {
        matches!(self.part, Part::Origin(_))
    }
}

/// A lane, and what it is used for.
#[derive(Debug)]
pub(super) struct Used {
    pub(super) lane: Arc<Lane>,
    /// Made over the lane.
    pub(super) subscriptions: Arc<Subscriptions>,
    pub(super) usage: Arc<Mutex<LaneUsage>>,
    /// Its credential was replaced: by then it closes at the latest.
    pub(super) until: Option<Instant>,
    /// Who is held to account for it. As many lanes are one principal's as there are clones of this.
    place: Option<Arc<()>>,
}

#[derive(Debug)]
pub(super) struct LaneUsage {
    pub(super) calls: usize,
    pub(super) last: Instant,
    /// Its client is gone.
    pub(super) is_left: bool,
}

/// A lane in use: it is not closed for being idle.
#[derive(Debug)]
pub(crate) struct Lease {
    lane: Arc<Lane>,
    subscriptions: Arc<Subscriptions>,
    usage: Option<Arc<Mutex<LaneUsage>>>,
    left: Arc<Notify>,
}

impl Used {
    pub(super) fn new(lane: Lane, subscriptions: Arc<Subscriptions>, place: Option<Arc<()>>) -> Self {
        let usage = LaneUsage { calls: 0, last: Instant::now(), is_left: false };
        Self { lane: Arc::new(lane), subscriptions, usage: Arc::new(Mutex::new(usage)), until: None, place }
    }

    /// One more user of it.
    pub(super) fn lease(&self, left: &Arc<Notify>) -> Lease {
        locked(&self.usage).calls += 1;
        let (lane, subscriptions) = (self.lane.clone(), self.subscriptions.clone());
        Lease { lane, subscriptions, usage: Some(self.usage.clone()), left: left.clone() }
    }

    /// Whether it is one of the lanes that this place stands for; of all lanes without one.
    pub(super) fn is_of(&self, place: Option<&Arc<()>>) -> bool {
        place.is_none_or(|place| self.place.as_ref().is_some_and(|own| Arc::ptr_eq(own, place)))
    }

    /// Nobody gets it any more. Its last user says when it is done.
    pub(super) fn leave(self) -> Self {
        locked(&self.usage).is_left = true;
        self
    }

    /// Whether nobody has used it for this long, or nobody does whose client is gone.
    pub(super) fn is_idle(&self, now: Instant, time: Duration) -> bool {
        self.idle_since().is_some_and(|since| locked(&self.usage).is_left || now >= since + time)
    }

    /// Whether its time is over, in use or not.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now >= until)
    }

    /// Since when nobody uses it.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        let usage = locked(&self.usage);
        (usage.calls == 0).then_some(usage.last)
    }
}

impl Lease {
    /// Of the lane that is never closed for being idle.
    pub(super) fn of_first(lane: &Arc<Lane>, subscriptions: &Arc<Subscriptions>, left: &Arc<Notify>) -> Self {
        Self { lane: lane.clone(), subscriptions: subscriptions.clone(), usage: None, left: left.clone() }
    }

    /// The subscriptions that are made over it.
    pub(super) fn subscriptions(&self) -> &Arc<Subscriptions> {
        &self.subscriptions
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
            if usage.calls == 0 && usage.is_left {
                self.left.notify_one();
            }
        }
    }
}
