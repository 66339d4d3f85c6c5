//! The queue of scripts: bounds on how many run or wait, in total and per client.

use std::collections::HashMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use exuvia_access::Identity;
use exuvia_access::budget::RequestBudget;
use exuvia_config::{OnDisconnect, QueueLimits};
use exuvia_journal::ClientClaims;
use exuvia_mcp_client::Abilities;
use exuvia_tool::{CallContext, Origin, Principal};
use tokio_util::sync::CancellationToken;

/// Who asks for a run: a connection, or a session, and the principal that it acts for. Two that are equal share the bound of
/// one client.
#[derive(Debug, Clone)]
pub struct Client {
    name: Arc<str>,
    identity: Arc<Identity>,
    claims: Arc<ClientClaims>,
    budget: Option<Arc<RequestBudget>>,
    can: Abilities,
}

impl PartialEq for Client {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, self.principal()) == (&other.name, other.principal())
    }
}

impl Eq for Client {}

impl Hash for Client {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        (&self.name, self.principal()).hash(hasher);
    }
}

impl Client {
    /// A client of this name that acts as the operator.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self::of(Identity::operator(), name)
    }

    /// A client of this name that acts for this identity.
    #[must_use]
    pub fn of(identity: Arc<Identity>, name: &str) -> Self {
        Self { name: name.into(), identity, claims: Arc::default(), budget: None, can: Abilities::default() }
    }

    /// The same client, with what it says of itself in this request: it is recorded, and decides nothing.
    #[must_use]
    pub fn claiming(self, claims: ClientClaims) -> Self {
        Self { claims: Arc::new(claims), ..self }
    }

    /// The same client, with the budget that it sets for this request.
    #[must_use]
    pub fn within(self, budget: Option<Arc<RequestBudget>>) -> Self {
        Self { budget, ..self }
    }

    /// The same client, which can be asked this much in the middle of this request.
    #[must_use]
    pub fn that_can(self, can: Abilities) -> Self {
        Self { can, ..self }
    }

    /// What it can be asked.
    pub(crate) fn can(&self) -> Abilities {
        self.can
    }

    /// The budget of this request.
    pub(crate) fn budget(&self) -> Option<&Arc<RequestBudget>> {
        self.budget.as_ref()
    }

    /// What it says of itself.
    #[must_use]
    pub fn claims(&self) -> &Arc<ClientClaims> {
        &self.claims
    }

    /// Its name.
    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Who it acts for.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        self.identity.principal()
    }

    /// The same, with what it may do.
    pub(crate) fn identity(&self) -> &Arc<Identity> {
        &self.identity
    }

    /// What goes with a call of it.
    pub(crate) fn context(&self, origin: Origin) -> CallContext {
        CallContext::new(self.principal().clone(), origin).of_client(Arc::clone(&self.name))
    }
}

/// The queue is full. `Display` is for the client.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Busy {
    /// When there is likely to be room.
    pub retry_after: Duration,
    /// Whether it is the client's own scripts that fill its room.
    pub own: bool,
}

impl fmt::Display for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whose = if self.own { "too many of your scripts are" } else { "too many scripts are" };
        let seconds = self.retry_after.as_secs_f64().ceil();
        write!(f, "{whose} running or waiting, this one was not run: send it again in {seconds} s")
    }
}

impl std::error::Error for Busy {}

/// The scripts in flight.
#[derive(Debug)]
pub(crate) struct Queue {
    concurrent: u32,
    state: Mutex<State>,
    stopped: CancellationToken,
}

#[derive(Debug, Default)]
struct State {
    limits: QueueLimits,
    runs: usize,
    clients: HashMap<Client, Own>,
    /// The scripts of each key and user, over all connections: opening more of them gives no more room.
    keyed: HashMap<Principal, usize>,
    /// What the latest scripts took on average, in seconds.
    seconds: f64,
}

/// What one client has in flight.
#[derive(Debug)]
struct Own {
    runs: usize,
    /// Cancels all of it.
    cancellation: CancellationToken,
    /// Cancels what does not outlive the client.
    gone: CancellationToken,
}

/// A place in the queue. Dropping it frees the place.
#[derive(Debug)]
pub(crate) struct QueuePlace {
    queue: Arc<Queue>,
    client: Client,
    since: Instant,
    cancellation: CancellationToken,
}

impl Queue {
    /// Cancelled with `stopped`, every script is.
    pub(crate) fn new(limits: QueueLimits, concurrent: u32, stopped: CancellationToken) -> Arc<Self> {
        let state = Mutex::new(State { limits, ..State::default() });
        Arc::new(Self { concurrent: concurrent.max(1), state, stopped })
    }

    /// Sets other limits. Scripts that have their place keep it.
    pub(crate) fn set_limits(&self, limits: QueueLimits) {
        self.locked().limits = limits;
    }

    /// How many scripts are in flight.
    pub(crate) fn runs(&self) -> usize {
        self.locked().runs
    }

    /// A place for one more script of this client.
    ///
    /// # Errors
    ///
    /// There is none.
    pub(crate) fn enter(self: &Arc<Self>, client: &Client) -> Result<QueuePlace, Busy> {
        self.enter_for(client, OnDisconnect::Cancel)
    }

    /// The same, for one that may outlive its client.
    ///
    /// # Errors
    ///
    /// There is none.
    pub(crate) fn enter_for(self: &Arc<Self>, client: &Client, when_gone: OnDisconnect) -> Result<QueuePlace, Busy> {
        let mut state = self.locked();
        let of_client = state.clients.get(client).map_or(0, |own| own.runs);
        let own = of_client.max(state.keyed.get(client.principal()).copied().unwrap_or(0));
        if state.runs >= state.limits.runs || own >= state.limits.runs_per_client {
            let own = state.runs < state.limits.runs;
            return Err(Busy { retry_after: self.wait(&state), own });
        }
        state.runs += 1;
        if *client.principal() != Principal::Operator {
            *state.keyed.entry(client.principal().clone()).or_default() += 1;
        }
        let first = || Own::new(&self.stopped);
        let own = state.clients.entry(client.clone()).or_insert_with(first);
        own.runs += 1;
        let cancellation = match when_gone {
            OnDisconnect::Cancel => own.gone.child_token(),
            OnDisconnect::Finish => own.cancellation.child_token(),
        };
        Ok(QueuePlace { queue: Arc::clone(self), client: client.clone(), since: Instant::now(), cancellation })
    }

    /// Cancels everything that a client has in flight.
    pub(crate) fn cancel(&self, client: &Client) {
        if let Some(own) = self.locked().clients.get_mut(client) {
            // A client that returns under this name starts with a new token; its cancelled runs keep their places until they
            // end.
            let anew = Own { runs: own.runs, ..Own::new(&self.stopped) };
            std::mem::replace(own, anew).cancellation.cancel();
        }
    }

    /// Cancels what a disconnected client has in flight, except what outlives it.
    pub(crate) fn gone(&self, client: &Client) {
        if let Some(own) = self.locked().clients.get_mut(client) {
            std::mem::replace(&mut own.gone, own.cancellation.child_token()).cancel();
        }
    }

    /// Whether a client has something in flight.
    pub(crate) fn has(&self, client: &Client) -> bool {
        self.locked().clients.contains_key(client)
    }

    /// Until one of the scripts is likely to be over; between a second and a minute.
    fn wait(&self, state: &State) -> Duration {
        let waiting = state.runs.saturating_sub(self.concurrent as usize) as f64;
        let rounds = 1.0 + waiting / f64::from(self.concurrent);
        Duration::from_secs_f64((rounds * state.seconds).clamp(1.0, 60.0))
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Own {
    fn new(stopped: &CancellationToken) -> Self {
        let cancellation = stopped.child_token();
        Self { runs: 0, gone: cancellation.child_token(), cancellation }
    }
}

impl QueuePlace {
    /// Cancels the script of this place, and is cancelled with all of its client.
    pub(crate) fn cancellation(&self) -> CancellationToken {
        self.cancellation.clone()
    }
}

impl Drop for QueuePlace {
    fn drop(&mut self) {
        /// How much of the average the latest script is.
        const WEIGHT: f64 = 0.1;
        let mut state = self.queue.locked();
        state.runs -= 1;
        if let Some(runs) = state.keyed.get_mut(self.client.principal()) {
            *runs -= 1;
            if *runs == 0 {
                state.keyed.remove(self.client.principal());
            }
        }
        state.seconds += WEIGHT * (self.since.elapsed().as_secs_f64() - state.seconds);
        if let Some(own) = state.clients.get_mut(&self.client) {
            own.runs -= 1;
            if own.runs == 0 {
                state.clients.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_for_all_and_for_each_and_come_back() {
        let queue = Queue::new(QueueLimits { runs: 3, runs_per_client: 2 }, 1, CancellationToken::new());
        let [ada, bob] = ["ada", "bob"].map(Client::new);
        let first = queue.enter(&ada).unwrap();
        let second = queue.enter(&ada).unwrap();
        assert!(queue.enter(&ada).unwrap_err().own);
        let third = queue.enter(&bob).unwrap();
        let busy = queue.enter(&bob).unwrap_err();
        assert!(!busy.own && busy.retry_after == Duration::from_secs(1), "{busy:?}");
        assert!(busy.to_string().ends_with("send it again in 1 s"), "{busy}");
        drop(first);
        let again = queue.enter(&bob).unwrap();
        assert_eq!(queue.runs(), 3);
        drop((second, third, again));
        assert_eq!(queue.runs(), 0);
        assert!(queue.locked().clients.is_empty());
    }

    #[test]
    fn a_client_that_leaves_takes_its_own_scripts_with_it() {
        let limits = QueueLimits { runs: 9, runs_per_client: 9 };
        let queue = Queue::new(limits, 1, CancellationToken::new());
        let [ada, bob] = ["ada", "bob"].map(Client::new);
        let (left, other) = (queue.enter(&ada).unwrap(), queue.enter(&bob).unwrap());
        queue.cancel(&ada);
        let back = queue.enter(&ada).unwrap();
        let cancelled = |place: &QueuePlace| place.cancellation().is_cancelled();
        assert_eq!([cancelled(&left), cancelled(&other), cancelled(&back)], [true, false, false]);
        drop((left, back, other));
        assert!(queue.locked().clients.is_empty());
        assert_eq!(queue.runs(), 0);
    }

    #[test]
    fn a_client_that_is_gone_leaves_behind_what_outlives_it() {
        let queue = Queue::new(QueueLimits { runs: 9, runs_per_client: 9 }, 1, CancellationToken::new());
        let ada = Client::new("ada");
        let cancelled = |place: &QueuePlace| place.cancellation().is_cancelled();
        let (left, whole) = (queue.enter(&ada).unwrap(), queue.enter_for(&ada, OnDisconnect::Finish).unwrap());
        queue.gone(&ada);
        let back = queue.enter(&ada).unwrap();
        assert_eq!([cancelled(&left), cancelled(&whole), cancelled(&back)], [true, false, false]);
        queue.cancel(&ada);
        assert!(cancelled(&whole) && cancelled(&back) && queue.has(&ada));
        drop((left, whole, back));
        assert!(!queue.has(&ada));
    }

    #[test]
    fn other_limits_hold_for_who_comes_next() {
        let queue = Queue::new(QueueLimits { runs: 2, runs_per_client: 2 }, 1, CancellationToken::new());
        let ada = Client::new("ada");
        let places = [queue.enter(&ada).unwrap(), queue.enter(&ada).unwrap()];
        queue.set_limits(QueueLimits { runs: 1, runs_per_client: 1 });
        assert_eq!(queue.runs(), 2, "who has a place keeps it");
        let [first, second] = places;
        drop(first);
        assert!(queue.enter(&ada).is_err());
        queue.set_limits(QueueLimits { runs: 3, runs_per_client: 3 });
        let third = queue.enter(&ada).unwrap();
        drop((second, third));
    }

    #[test]
    fn the_retry_after_grows_with_the_queue() {
        let queue = Queue::new(QueueLimits { runs: 100, runs_per_client: 100 }, 2, CancellationToken::new());
        queue.locked().seconds = 4.0;
        let ada = Client::new("ada");
        let places: Vec<_> = (0..100).map(|_| queue.enter(&ada).unwrap()).collect();
        assert_eq!(queue.enter(&ada).unwrap_err().retry_after, Duration::from_secs(60));
        drop(places);
        queue.locked().seconds = 4.0;
        let _four: Vec<_> = (0..4).map(|_| queue.enter(&ada).unwrap()).collect();
        assert_eq!(queue.wait(&queue.locked()), Duration::from_secs(8));
    }
}
