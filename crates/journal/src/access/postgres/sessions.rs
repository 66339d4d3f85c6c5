//! Connections to the server, lent one at a time.

use std::error::Error as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout};

use super::{schema, unavailable};
use crate::access::{AccessStoreError, AccessStoreErrorKind};
use crate::store::postgres::{Address, Purpose, STEP, Session};

/// From one failed attempt to connect to the next: doubled up to the longest, which is short, since a revocation has to be seen.
const SHORTEST_RETRY: Duration = Duration::from_millis(100);
const LONGEST_RETRY: Duration = Duration::from_secs(1);

/// Some connections.
pub(super) struct Sessions {
    address: Address,
    room: Semaphore,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    idle: Vec<Session>,
    /// Connecting failed.
    failure: Option<Failure>,
}

/// Why connecting failed, and when it is tried again.
struct Failure {
    kind: AccessStoreErrorKind,
    cause: String,
    retry_at: Instant,
    wait: Duration,
}

/// A connection in use. It is closed when it is dropped.
pub(super) struct Lent<'a> {
    session: Session,
    from: &'a Sessions,
    _room: SemaphorePermit<'a>,
}

impl Sessions {
    /// At most so many. It connects when it is needed.
    pub(super) fn new(address: Address, most: usize) -> Self {
        Self { address, room: Semaphore::new(most), state: Mutex::default() }
    }

    /// A connection, as soon as there is one.
    ///
    /// # Errors
    ///
    /// The server cannot be reached, or a newer program has changed the schema.
    pub(super) async fn lend(&self) -> Result<Lent<'_>, AccessStoreError> {
        let _room = self.room.acquire().await.map_err(|_| refused("internal error"))?;
        let session = match self.idle()? {
            Some(session) => session,
            None => self.connected().await?,
        };
        Ok(Lent { session, from: self, _room })
    }

    /// A connection that is open. None: make one.
    ///
    /// # Errors
    ///
    /// Connecting failed a short while ago.
    fn idle(&self) -> Result<Option<Session>, AccessStoreError> {
        let mut state = self.state();
        state.idle.retain(Session::is_open);
        match (state.idle.pop(), &state.failure) {
            (Some(session), _) => Ok(Some(session)),
            (None, Some(failure)) if Instant::now() < failure.retry_at => {
                Err(AccessStoreError::new(failure.kind).caused_by(failure.cause.clone()))
            }
            (None, _) => Ok(None),
        }
    }

    async fn connected(&self) -> Result<Session, AccessStoreError> {
        let session = within(connect(&self.address)).await;
        let mut state = self.state();
        state.failure = session.as_ref().err().map(|error| {
            let wait = state.failure.as_ref().map_or(SHORTEST_RETRY, |before| (before.wait * 2).min(LONGEST_RETRY));
            let cause = error.source().map_or_else(|| error.to_string(), ToString::to_string);
            Failure { kind: error.kind(), cause, retry_at: Instant::now() + wait, wait }
        });
        session
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lent<'_> {
    pub(super) fn session(&self) -> &Session {
        &self.session
    }

    /// It did what it was lent for: it may be lent again.
    pub(super) fn give_back(self) {
        self.from.state().idle.push(self.session);
    }
}

async fn connect(address: &Address) -> Result<Session, AccessStoreError> {
    let session = Session::connect(address, Purpose::Write).await.map_err(unavailable)?;
    schema::check(&session, &address.schema).await?;
    Ok(session)
}

/// Makes the tables where they are missing.
///
/// # Errors
///
/// The server cannot be reached, a newer program made them, or there are others.
pub(super) async fn migrated(address: &Address) -> Result<(), AccessStoreError> {
    let session = Session::connect(address, Purpose::Write).await.map_err(unavailable)?;
    schema::migrate(&session, &address.schema).await
}

/// What `work` returns, within the time for a step.
///
/// # Errors
///
/// It failed, or took longer.
pub(super) async fn within<T>(work: impl Future<Output = Result<T, AccessStoreError>>) -> Result<T, AccessStoreError> {
    timeout(STEP, work).await.unwrap_or_else(|_| {
        let cause = format!("the server did not answer within {} s", STEP.as_secs());
        Err(AccessStoreError::new(AccessStoreErrorKind::Unavailable).caused_by(cause))
    })
}

fn refused(cause: &str) -> AccessStoreError {
    AccessStoreError::new(AccessStoreErrorKind::Unavailable).caused_by(cause)
}
