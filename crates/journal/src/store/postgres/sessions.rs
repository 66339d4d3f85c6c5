//! Connections to the server, lent one at a time.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout};

use exuvia_tool::BoxFuture;

use super::address::Address;
use super::session::{Purpose, STEP, Session};
use crate::store::StoreError;

/// Checks that the tables in a schema are as this program needs them.
pub(crate) type Check<E> = for<'a> fn(&'a Session, &'a str) -> BoxFuture<'a, Result<(), E>>;

/// From one failed attempt to connect to the next: doubled up to the longest, which is short, since a revocation has to be seen.
const SHORTEST_RETRY: Duration = Duration::from_millis(100);
const LONGEST_RETRY: Duration = Duration::from_secs(1);

/// Some connections.
pub(crate) struct Sessions<E> {
    address: Address,
    check: Check<E>,
    room: Semaphore,
    state: Mutex<State<E>>,
}

struct State<E> {
    idle: Vec<Session>,
    /// Connecting failed.
    failure: Option<Failure<E>>,
}

/// Why connecting failed, and when it is tried again.
struct Failure<E> {
    error: E,
    retry_at: Instant,
    wait: Duration,
}

/// A connection in use. It is closed when it is dropped.
pub(crate) struct Lent<'a, E> {
    session: Session,
    from: &'a Sessions<E>,
    _room: SemaphorePermit<'a>,
}

impl<E: StoreError> Sessions<E> {
    /// At most so many. It connects when it is needed.
    pub(crate) fn new(address: Address, most: usize, check: Check<E>) -> Self {
        let state = Mutex::new(State { idle: Vec::new(), failure: None });
        Self { address, check, room: Semaphore::new(most), state }
    }

    /// A connection, as soon as there is one.
    ///
    /// # Errors
    ///
    /// The server cannot be reached, or a newer program has changed the schema.
    pub(crate) async fn lend(&self) -> Result<Lent<'_, E>, E> {
        let _room = self.room.acquire().await.map_err(|_| E::unavailable("internal error"))?;
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
    fn idle(&self) -> Result<Option<Session>, E> {
        let mut state = self.state();
        state.idle.retain(Session::is_open);
        match (state.idle.pop(), &state.failure) {
            (Some(session), _) => Ok(Some(session)),
            (None, Some(failure)) if Instant::now() < failure.retry_at => Err(failure.error.again()),
            (None, _) => Ok(None),
        }
    }

    async fn connected(&self) -> Result<Session, E> {
        let session = within(Box::pin(self.connect())).await;
        let mut state = self.state();
        state.failure = session.as_ref().err().map(|error| {
            let wait = state.failure.as_ref().map_or(SHORTEST_RETRY, |before| (before.wait * 2).min(LONGEST_RETRY));
            Failure { error: error.again(), retry_at: Instant::now() + wait, wait }
        });
        session
    }

    async fn connect(&self) -> Result<Session, E> {
        let session = Session::connect_apart(&self.address, Purpose::Write).await;
        let session = session.map_err(E::unavailable)?;
        (self.check)(&session, &self.address.schema).await?;
        Ok(session)
    }

    fn state(&self) -> MutexGuard<'_, State<E>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<E: StoreError> Lent<'_, E> {
    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    /// It did what it was lent for: it may be lent again.
    pub(crate) fn give_back(self) {
        self.from.state().idle.push(self.session);
    }
}

/// What `work` returns, within the time for a step.
///
/// # Errors
///
/// It failed, or took longer.
pub(crate) async fn within<T, E: StoreError>(work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    let late = || E::unavailable(format!("the server did not answer within {} s", STEP.as_secs()));
    timeout(STEP, work).await.unwrap_or_else(|_| Err(late()))
}

/// Does by `$session` what `$work` says. A connection on which that failed is used no more.
macro_rules! by_session {
    ($sessions:expr, |$session:ident| $work:expr) => {
        $crate::store::postgres::within(async move {
            let lent = $sessions.lend().await?;
            let $session = lent.session();
            let done = $work.await?;
            lent.give_back();
            Ok(done)
        })
    };
}

pub(crate) use by_session;
