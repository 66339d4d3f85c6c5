//! The sessions of all endpoints: how many there are, whose client is gone, and which one is closed to make room. No principal but the
//! operator has more than half of them, and none makes room at the cost of one that has fewer.
//!
//! Where the protocol has sessions, a stream that breaks says nothing: its client may come back for the rest. A session none of
//! whose streams is open after one of them broke has a time of grace; then its client is taken for gone.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use exuvia_access::Identity;
use exuvia_gateway::Client;
use exuvia_tool::Principal;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::session::{SessionId, SessionManager as _};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::shares::{Share, Shares};
use crate::PendingGateway;
use crate::client;

/// All sessions.
pub(super) struct SessionTable {
    room: Arc<Semaphore>,
    shares: Arc<Shares<Principal>>,
    open: Mutex<HashMap<SessionId, Open>>,
    grace: Duration,
    gateway: PendingGateway,
    runtime: Handle,
}

/// A session that is open.
struct Open {
    /// Whose it is.
    client: Client,
    place: SessionPlace,
    endpoint: Weak<LocalSessionManager>,
    /// Its requests that are not answered to their end, and the streams that it listens on.
    streams: usize,
    /// One of them broke off, and nothing was cancelled for that yet.
    broke: bool,
    /// When the session was opened, or the latest of them ended.
    seen: Instant,
    /// A task waits for the end of its time of grace.
    is_watched: bool,
}

/// A place in the table.
#[derive(Debug)]
pub(super) struct SessionPlace {
    permit: OwnedSemaphorePermit,
    /// None: the operator's are not counted.
    share: Option<Share<Principal>>,
}

/// One request of a session, until its answer has ended or broken off, which is when this is dropped.
pub(super) struct SessionRequest {
    table: Arc<SessionTable>,
    session: SessionId,
    has_ended: bool,
}

impl fmt::Debug for SessionTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionTable({})", self.sessions())
    }
}

impl SessionTable {
    /// Room for so many sessions.
    pub(super) fn new(most: usize, grace: Duration, gateway: PendingGateway) -> Arc<Self> {
        let room = Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)));
        Arc::new(Self {
            room,
            shares: Shares::half_of(most),
            open: Mutex::default(),
            grace,
            gateway,
            runtime: Handle::current(),
        })
    }

    fn open(&self) -> MutexGuard<'_, HashMap<SessionId, Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many sessions are open.
    pub(super) fn sessions(&self) -> usize {
        self.open().len()
    }

    /// Whether a principal can open a further session now.
    pub(super) fn has_room(&self, principal: &Principal) -> bool {
        let has_share = *principal == Principal::Operator || self.shares.has_room(principal);
        let is_free = has_share && self.room.available_permits() > 0;
        is_free || self.idlest(&self.open(), principal, has_share).is_some()
    }

    /// A place for a further session of a principal. Where there is none, the session that was idle longest ends: of its own, if it has too
    /// many. Where none is idle, there is no place.
    pub(super) fn enter(&self, principal: &Principal) -> Option<SessionPlace> {
        let share = match principal {
            Principal::Operator => None,
            principal => self.shares.take(principal.clone(), 1),
        };
        let has_share = *principal == Principal::Operator || share.is_some();
        if has_share && let Ok(permit) = Arc::clone(&self.room).try_acquire_owned() {
            return Some(SessionPlace { permit, share });
        }
        let mut open = self.open();
        let session = self.idlest(&open, principal, has_share)?;
        let Open { client, place, endpoint, .. } = open.remove(&session)?;
        drop(open);
        tracing::info!(%principal, "session limit reached: the session idle longest is closed");
        self.forget(&client);
        if let Some(endpoint) = endpoint.upgrade() {
            self.runtime.spawn(async move { endpoint.close_session(&session).await });
        }
        // Its own share is that of the session that ends.
        let SessionPlace { permit, share: before } = place;
        Some(SessionPlace { permit, share: if has_share { share } else { before } })
    }

    /// The session that was idle longest, of those that were for the time of grace: nothing of it runs, and it has no stream. Not one of
    /// another principal that has no more of them, and one of its own alone where the principal has no share left.
    fn idlest(&self, open: &HashMap<SessionId, Open>, principal: &Principal, has_share: bool) -> Option<SessionId> {
        let gateway = self.gateway.now();
        let is_busy = |client: &Client| gateway.as_ref().is_some_and(|gateway| gateway.is_busy_for(client));
        // What is to be opened is counted already.
        let own = self.shares.held_by(principal);
        let may_end = |other: &Principal| other == principal || has_share && self.shares.held_by(other) >= own.max(1);
        let idle = open.iter().filter(|(_, open)| {
            open.streams == 0
                && open.seen.elapsed() >= self.grace
                && may_end(open.client.principal())
                && !is_busy(&open.client)
        });
        idle.min_by_key(|(_, open)| open.seen).map(|(session, _)| session.clone())
    }

    /// A session of this identity was opened at this endpoint.
    pub(super) fn opened(
        &self,
        identity: Arc<Identity>,
        session: SessionId,
        place: SessionPlace,
        endpoint: &Arc<LocalSessionManager>,
    ) {
        let (endpoint, seen) = (Arc::downgrade(endpoint), Instant::now());
        let client = client::of_session(identity, &session);
        self.open()
            .insert(session, Open { client, place, endpoint, streams: 0, broke: false, seen, is_watched: false });
    }

    /// A session ends. Its place is free when what this gives is dropped.
    pub(super) fn ended(&self, session: &str) -> Option<SessionPlace> {
        let open = self.open().remove(session)?;
        self.forget(&open.client);
        Some(open.place)
    }

    /// What a session was subscribed to ends with it.
    fn forget(&self, client: &Client) {
        if let Some(gateway) = self.gateway.now() {
            gateway.forget_subscriptions(client);
            gateway.end_session(client);
        }
    }

    /// A request of a session begins.
    pub(super) fn begin_request(self: &Arc<Self>, session: &str) -> Option<SessionRequest> {
        let session: SessionId = session.into();
        let mut all = self.open();
        let open = all.get_mut(&session)?;
        open.streams += 1;
        drop(all);
        Some(SessionRequest { table: Arc::clone(self), session, has_ended: false })
    }

    /// A request of a session has ended, or broken off.
    fn left(self: &Arc<Self>, session: &SessionId, has_ended: bool) {
        let mut all = self.open();
        let Some(open) = all.get_mut(session) else { return };
        open.streams -= 1;
        open.seen = Instant::now();
        open.broke |= !has_ended;
        if open.streams == 0 && open.broke && !open.is_watched {
            open.is_watched = true;
            self.runtime.spawn(watch(Arc::downgrade(self), session.clone(), self.grace));
        }
    }

    /// How long a session still has whose stream broke. `None`: it came back, or is over.
    fn grace_left(&self, session: &SessionId) -> Option<Duration> {
        let mut all = self.open();
        let open = all.get_mut(session)?;
        if open.streams > 0 {
            open.is_watched = false;
            return None;
        }
        let left = self.grace.saturating_sub(open.seen.elapsed());
        if left.is_zero() {
            (open.is_watched, open.broke) = (false, false);
        }
        Some(left)
    }

    /// Nobody came back for what a session does.
    fn gone(&self, session: &SessionId) {
        let Some(client) = self.open().get(session).map(|open| open.client.clone()) else { return };
        let gateway = self.gateway.now();
        if let Some(gateway) = gateway.filter(|gateway| gateway.is_busy_for(&client)) {
            tracing::info!("client did not reconnect within the grace period: its requests are cancelled");
            gateway.client_gone(&client);
        }
    }
}

/// Waits until a session has had its time of grace.
async fn watch(table: Weak<SessionTable>, session: SessionId, grace: Duration) {
    let mut left = grace;
    loop {
        tokio::time::sleep(left).await;
        let Some(table) = table.upgrade() else { return };
        match table.grace_left(&session) {
            None => return,
            Some(Duration::ZERO) => return table.gone(&session),
            Some(more) => left = more,
        }
    }
}

impl SessionRequest {
    /// The response was sent completely.
    pub(super) fn end(&mut self) {
        self.has_ended = true;
    }
}

impl Drop for SessionRequest {
    fn drop(&mut self) {
        self.table.left(&self.session, self.has_ended);
    }
}
