//! The lanes to one server: who gets which, how many there are, and when they close.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use exuvia_config::{RoleCredential, Share};
use exuvia_tool::{CallContext, CredentialId, Origin, Principal, locked};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::credentials::{Credential, Credentials};
use super::dialer::Dialer;
use super::elicitation_history::{Asks, ElicitationHistory};
use super::ended_callers::EndedCallers;
use super::health::Health;
use super::lane::Lane;
use super::lane_error::LaneError;
use super::lane_owner::{Lease, Owner, Part, Tenant, Used};
use super::missing_logins::MissingLogins;
use super::subscribers::Subscribers;
use super::subscription::Subscription;
use super::subscriptions::Subscriptions;
use crate::status::LaneCounts;

/// How long the lane of a client stays open with nothing to do, at most.
pub(crate) const CLIENT_IDLE: Duration = Duration::from_secs(120);
/// The same of a client that is gone, whose calls came late: a script that goes on without its client may make more of them.
const GONE_CLIENT_IDLE: Duration = Duration::from_secs(2);
/// One principal has at most so many lanes as one part in so many of all.
const PRINCIPALS: usize = 2;

/// The lanes to one server.
#[derive(Debug)]
pub(crate) struct Lanes {
    dialer: Arc<Dialer>,
    history: Arc<ElicitationHistory>,
    /// The operator's: it exists from the beginning to the end, and the list of tools is read over it.
    first: Arc<Lane>,
    /// Made over that.
    subscriptions: Arc<Subscriptions>,
    ended: Arc<EndedCallers>,
    others: Mutex<Others>,
    /// A lane may have to be closed: its client is gone, or its credential was replaced.
    left: Arc<Notify>,
    /// Lanes that are closing. As many as may be open, at most: closing takes 6 s, and runs can be shorter than that.
    closing: Mutex<JoinSet<()>>,
    missing_logins: MissingLogins,
}

#[derive(Debug, Default)]
struct Others {
    lanes: HashMap<Owner, Used>,
    /// Lanes of credentials that were replaced, for as long as they are used. Nobody else gets them.
    draining: Vec<Used>,
    credentials: Credentials,
    /// One clone more for each lane that a principal has, open or closing.
    places: HashMap<Principal, Arc<()>>,
    shut_down: bool,
}

impl Lanes {
    pub(crate) fn new(
        dialer: Arc<Dialer>,
        ended: Arc<EndedCallers>,
        credentials: BTreeMap<CredentialId, RoleCredential>,
    ) -> Self {
        let (history, health) = (Arc::<ElicitationHistory>::default(), Arc::<Health>::default());
        let subscribers = Arc::<Subscribers>::default();
        let subscriptions = Arc::new(Subscriptions::new(subscribers.clone()));
        let first = Arc::new(Lane::new(dialer.clone(), history.clone(), health, subscribers));
        let credentials = Credentials::new(credentials, &dialer, &Credentials::default());
        Self {
            dialer,
            history,
            first,
            subscriptions,
            ended,
            others: Mutex::new(Others { credentials, ..Others::default() }),
            left: Arc::default(),
            closing: Mutex::default(),
            missing_logins: MissingLogins::default(),
        }
    }

    /// The lane over which the list is read. With [`Share::Run`] it carries no calls.
    pub(crate) fn first(&self) -> &Arc<Lane> {
        &self.first
    }

    /// Whether this caller has a login or lanes that no other principal has.
    pub(crate) fn is_of_one_principal(&self, context: &CallContext) -> bool {
        locked(&self.others).tenant(self.dialer.config.share, context).0.principal.is_some()
    }

    /// The first lane.
    pub(crate) fn lease_first(&self) -> Lease {
        Lease::of_first(&self.first, &self.left)
    }

    /// What is subscribed to over a lane.
    pub(crate) fn subscriptions(&self, lane: &Lease) -> Arc<Subscriptions> {
        lane.subscriptions().unwrap_or_else(|| self.subscriptions.clone())
    }

    /// The subscribers over the first lane.
    pub(crate) fn subscribers(&self) -> &Arc<Subscribers> {
        self.subscriptions.subscribers()
    }

    /// The caller's lane, and for a tool that asks its client a lane of the client's own. Where there is no room for that, a tool
    /// that has not been seen to ask goes where the others do.
    ///
    /// # Errors
    ///
    /// The run is over, the caller has to log in, or there are too many lanes and none is idle.
    pub(crate) fn lease(&self, context: &CallContext, asks: Option<&str>) -> Result<Lease, LaneError> {
        let asks = asks.and_then(|tool| self.history.of(tool)).filter(|_| self.dialer.config.share != Share::Run);
        match self.find(context, context.client.as_ref().filter(|_| asks.is_some())) {
            Err(LaneError::Full { .. }) if asks == Some(Asks::Perhaps) => self.find(context, None),
            found => found,
        }
    }

    fn find(&self, context: &CallContext, client: Option<&Arc<str>>) -> Result<Lease, LaneError> {
        let mut has_login = false;
        loop {
            // Whoever ends the run first marks it and then looks here for its lane: under this lock it is not missed.
            let mut others = locked(&self.others);
            if self.ended.runs.contains(&context.origin) {
                return Err(LaneError::RunOver);
            }
            let share = self.dialer.config.share;
            let (tenant, credential) = others.tenant(share, context);
            let part = match client {
                Some(client) => Part::Client(client.clone()),
                None if share == Share::Run => Part::Origin(context.origin.clone()),
                None if tenant.is_everybody() => return Ok(self.lease_first()),
                None => Part::All,
            };
            if others.shut_down {
                return Err(LaneError::ShutDown);
            }
            let owner = Owner { tenant, part };
            if let Some(used) = others.lanes.get(&owner) {
                return Ok(used.lease(&self.left));
            }
            match credential.cloned() {
                Some(own) if own.is_own() && !has_login => {
                    // Without the lock: it is a call of the kernel.
                    drop(others);
                    self.check_login(&own, &context.principal)?;
                    has_login = true;
                }
                credential => return self.open(&mut others, owner, credential.as_deref(), &context.principal),
            }
        }
    }

    /// Who has to log in first gets no lane: it would take the place of one that is of use.
    fn check_login(&self, own: &Credential, principal: &Principal) -> Result<(), LaneError> {
        if !own.dialer(&self.dialer, principal).is_login_missing() {
            return Ok(());
        }
        self.missing_logins.report(&self.dialer.config.name, principal);
        Err(LaneError::LoginMissing)
    }

    /// A new lane.
    fn open(
        &self,
        others: &mut Others,
        owner: Owner,
        credential: Option<&Credential>,
        principal: &Principal,
    ) -> Result<Lease, LaneError> {
        // Roles have few lanes of their own, so nobody is held to account for those.
        let accountable = if owner.part == Part::All { owner.tenant.principal.as_ref() } else { Some(principal) };
        let accountable = accountable.filter(|principal| **principal != Principal::Operator);
        self.make_room(others, accountable)?;
        let place = accountable.map(|principal| others.places.entry(principal.clone()).or_default().clone());
        let dialer = credential.map_or_else(|| self.dialer.clone(), |own| own.dialer(&self.dialer, principal));
        let is_everybodys = owner.tenant.is_everybody();
        let is_operators = is_everybodys && *principal == Principal::Operator;
        let health = if is_operators { self.first.health().clone() } else { Arc::default() };
        // Resources of one tenant are no business of another. Subscriptions are made over the lane of all of it alone.
        let subscriptions = match is_everybodys {
            true => self.subscriptions.clone(),
            false => Arc::new(Subscriptions::new(Arc::default())),
        };
        let make = if matches!(owner.part, Part::Client(_)) { Lane::own } else { Lane::new };
        let lane = make(dialer, self.history.clone(), health, subscriptions.subscribers().clone());
        let used = Used::new(lane, subscriptions, place);
        Ok(others.lanes.entry(owner).or_insert(used).lease(&self.left))
    }

    /// The lane of a key or a client that has been idle longest goes. A run's lane never does: with it would go what the run has
    /// done there. Who has all that one principal may have makes room among its own.
    fn make_room(&self, others: &mut Others, accountable: Option<&Principal>) -> Result<(), LaneError> {
        let connections = self.dialer.limits.connections.max(1);
        let mut closing = locked(&self.closing);
        while closing.try_join_next().is_some() {}
        if closing.len() >= connections {
            return Err(LaneError::Full { connections, is_own: false });
        }
        drop(closing);
        others.places.retain(|_, place| Arc::strong_count(place) > 1);
        let own = accountable.and_then(|principal| others.places.get(principal)).cloned();
        let most = (connections / PRINCIPALS).max(1);
        // Without this clone, and without that of the map.
        let own = own.filter(|place| Arc::strong_count(place) - 2 >= most);
        if own.is_none() && others.lanes.len() + others.draining.len() < connections {
            return Ok(());
        }
        let full =
            LaneError::Full { connections: if own.is_some() { most } else { connections }, is_own: own.is_some() };
        let idle = others.lanes.iter().filter(|(owner, used)| !owner.is_run() && used.is_of(own.as_ref()));
        let idle = idle.filter_map(|(owner, used)| Some((used.idle_since()?, owner)));
        let longest = idle.min_by_key(|&(since, _)| since).map(|(_, owner)| owner.clone());
        let used = longest.and_then(|owner| others.lanes.remove(&owner));
        self.close(used.ok_or(full)?, LaneError::RunOver);
        Ok(())
    }

    /// Puts other credentials in force. Calls from now on take lanes of the new ones; a lane of one that was replaced closes when its
    /// last call is over, at the latest after `drain`. A run keeps the lane that is its own for as long.
    pub(crate) fn set_credentials(&self, new: BTreeMap<CredentialId, RoleCredential>, drain: Duration) {
        let mut others = locked(&self.others);
        let others = &mut *others;
        let new = Credentials::new(new, &self.dialer, &others.credentials);
        let before = std::mem::replace(&mut others.credentials, new);
        let is_replaced = |owner: &Owner| {
            let id = owner.tenant.credential.as_ref();
            id.is_some_and(|id| !before.agree_on(&others.credentials, id))
        };
        let until = Instant::now().checked_add(drain);
        for (owner, used) in &mut others.lanes {
            if is_replaced(owner) {
                used.until = until;
            }
        }
        let drained = others.lanes.extract_if(|owner, _| is_replaced(owner) && !owner.is_run());
        others.draining.extend(drained.map(|(_, used)| used.leave()));
        self.left.notify_one();
    }

    /// Closes the lanes of keys that have had nothing to do for this long, and those of clients, at once where they are gone.
    pub(crate) fn close_idle(&self, time: Duration) {
        let now = Instant::now();
        let mut others = locked(&self.others);
        let idle = |owner: &Owner, used: &mut Used| {
            let time = match &owner.part {
                Part::Client(client) if self.ended.clients.contains(&**client) => time.min(GONE_CLIENT_IDLE),
                Part::Client(_) => time.min(CLIENT_IDLE),
                _ => time,
            };
            !owner.is_run() && used.is_idle(now, time)
        };
        let closed: Vec<Used> =
            others.lanes.extract_if(|owner, used| idle(owner, used)).map(|(_, used)| used).collect();
        let mut drained: Vec<Used> =
            others.draining.extract_if(.., |used| used.is_over(now) || used.idle_since().is_some()).collect();
        drained.extend(others.lanes.extract_if(|_, used| used.is_over(now)).map(|(_, used)| used));
        drop(others);
        closed.into_iter().for_each(|used| self.close(used, LaneError::RunOver));
        drained.into_iter().for_each(|used| self.close(used, LaneError::Replaced));
    }

    /// When the next lane has to close whose credential was replaced, in use or not.
    pub(crate) fn next_end(&self) -> Option<Instant> {
        let others = locked(&self.others);
        others.lanes.values().chain(&others.draining).filter_map(|used| used.until).min()
    }

    /// Whether there may be lanes to close.
    pub(crate) fn has_others(&self) -> bool {
        let others = locked(&self.others);
        !(others.credentials.is_empty() && others.lanes.is_empty() && others.draining.is_empty())
    }

    /// A run, or a client's own call, is over. It must have been marked as ended.
    pub(crate) fn ended(&self, origin: &Origin) {
        if self.dialer.config.share == Share::Run {
            let mut others = locked(&self.others);
            // One, and one more for each credential that it had.
            let ended = others.lanes.extract_if(|owner, _| matches!(&owner.part, Part::Origin(own) if own == origin));
            let ended: Vec<Used> = ended.map(|(_, used)| used).collect();
            drop(others);
            ended.into_iter().for_each(|used| self.close(used, LaneError::RunOver));
        }
    }

    /// A client is gone: its lane closes when its last call there is over. It must have been marked as ended.
    pub(crate) fn client_gone(&self, client: &str) {
        let others = locked(&self.others);
        let own = |owner: &Owner| matches!(&owner.part, Part::Client(own) if **own == *client);
        for (_, used) in others.lanes.iter().filter(|(owner, _)| own(owner)) {
            locked(&used.usage).is_left = true;
            self.left.notify_one();
        }
    }

    /// Waits until there may be a lane to close whose client is gone, or whose credential was replaced.
    pub(crate) async fn left(&self) {
        self.left.notified().await;
    }

    /// The lanes beside the first.
    pub(crate) fn counts(&self) -> LaneCounts {
        let others = locked(&self.others);
        let lanes = others.lanes.values().chain(&others.draining);
        let is_failing = |used: &&Used| used.lane.is_failing_alone(&self.first);
        LaneCounts { open: others.lanes.len() + others.draining.len(), failing: lanes.filter(is_failing).count() }
    }

    /// Whether changes still come for this subscription.
    pub(crate) fn has(&self, subscription: &Subscription) -> bool {
        let others = locked(&self.others);
        let is_with = |subscriptions: &Arc<Subscriptions>| subscription.is_with(subscriptions.subscribers());
        is_with(&self.subscriptions) || others.lanes.values().any(|used| is_with(&locked(&used.usage).subscriptions))
    }

    /// Closes a lane that was removed.
    fn close(&self, used: Used, why: LaneError) {
        let close = async move {
            used.lane.close(why).await;
            drop(used);
        };
        locked(&self.closing).spawn_on(close, &self.dialer.runtime);
    }

    /// Closes all lanes concurrently and permanently, within 6 s.
    pub(crate) async fn shut_down(&self) {
        let others: Vec<Used> = {
            let mut others = locked(&self.others);
            others.shut_down = true;
            let draining = std::mem::take(&mut others.draining);
            std::mem::take(&mut others.lanes).into_values().chain(draining).collect()
        };
        let mut closing = std::mem::take(&mut *locked(&self.closing));
        for lane in others.into_iter().map(|used| used.lane).chain([self.first.clone()]) {
            closing.spawn_on(async move { lane.close(LaneError::ShutDown).await }, &self.dialer.runtime);
        }
        while closing.join_next().await.is_some() {}
    }
}

impl Others {
    /// Who shares the caller's lane, and its credential if it has another than the server's own.
    fn tenant(&self, share: Share, context: &CallContext) -> (Tenant, Option<&Arc<Credential>>) {
        let named = context.credential.as_ref().and_then(|id| Some((id, self.credentials.get(id)?)));
        let is_operator = context.principal == Principal::Operator;
        // The operator's login is that of the gateway.
        let named = named.filter(|(_, credential)| !(is_operator && credential.is_own()));
        let is_own = share == Share::Key || named.is_some_and(|(_, credential)| credential.is_own());
        let tenant = Tenant {
            credential: named.map(|(id, _)| id.clone()),
            principal: (is_own && !is_operator).then(|| context.principal.clone()),
        };
        (tenant, named.map(|(_, credential)| credential))
    }
}
