//! The life cycle of a lane's connection: opened, lost, probed, closed.

use std::sync::Arc;
use std::time::Instant;

use exuvia_mcp_client::Connection;
use exuvia_tool::Absence;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::backoff::jitter;
use super::breaker::Breaker;
use super::dialer::{CredentialHolder, Dialer};
use super::health::Health;
use super::lane_error::LaneError;
use super::subscribers::Subscribers;
use crate::status::Failing;
use crate::status::StartError;

/// So many calls that are not answered in their time, and nothing that is, put the connection to the test.
const UNANSWERED: u32 = 3;

/// What a lane knows of its connection. Dropping it ends everything in it at once.
#[derive(Debug)]
pub(crate) struct LaneState {
    pub(crate) breaker: Breaker,
    health: Arc<Health>,
    live: Option<Live>,
    opening: Option<ConnectionAttempt>,
    /// A connection that is given up and still ends in good order. One at most: a further one has it killed.
    ending: Option<AbortOnDropHandle<()>>,
    /// Asks a connection that leaves calls unanswered whether it still answers anything.
    test: Option<AbortOnDropHandle<()>>,
    unanswered: u32,
    /// There was a connection, and it was not closed by us.
    lost: bool,
    /// Why the last connection could not be opened.
    start_error: Option<StartError>,
    /// For that the server refuses a credential that is not the gateway's own.
    is_refused: bool,
    over: Option<LaneError>,
}

#[derive(Debug)]
struct Live {
    connection: Arc<Connection>,
    /// Passes on that the list of tools has changed.
    _list_changes: AbortOnDropHandle<()>,
}

#[derive(Debug)]
struct ConnectionAttempt {
    task: AbortOnDropHandle<()>,
    done: CancellationToken,
}

/// What is left of a life to be ended.
#[derive(Debug)]
pub(crate) struct Teardown {
    connection: Option<Arc<Connection>>,
    opening: Option<ConnectionAttempt>,
    ending: Option<AbortOnDropHandle<()>>,
}

impl LaneState {
    /// Without a connection.
    pub(crate) fn new(health: Arc<Health>) -> Self {
        Self {
            breaker: Breaker::default(),
            health,
            live: None,
            opening: None,
            ending: None,
            test: None,
            unanswered: 0,
            lost: false,
            start_error: None,
            is_refused: false,
            over: None,
        }
    }

    /// Why no connection is given out any more, if that is so.
    pub(crate) fn over(&self) -> Option<LaneError> {
        self.over.clone()
    }

    /// The connection, unless it has ended.
    pub(crate) fn live(&mut self, dialer: &Dialer) -> Option<Arc<Connection>> {
        let connection = self.live.as_ref()?.connection.clone();
        if connection.is_open() {
            return Some(connection);
        }
        self.lose(dialer, &connection, Instant::now(), "ended");
        None
    }

    /// Waits for the connection attempt in flight, or starts one; `opened` is called with its start time and its outcome. The
    /// returned token is cancelled when the attempt has ended.
    pub(crate) fn open(
        &mut self,
        dialer: &Arc<Dialer>,
        subscribers: &Arc<Subscribers>,
        opened: impl FnOnce(Instant, Result<Connection, StartError>) + Send + 'static,
    ) -> CancellationToken {
        if let Some(opening) = &self.opening {
            return opening.done.clone();
        }
        let (dialer, subscribers) = (dialer.clone(), subscribers.clone());
        let begins = self.breaker.opens_at(Instant::now(), jitter());
        let done = CancellationToken::new();
        let told = done.clone().drop_guard();
        // In a task of its own, so that a cancelled call does not cancel the start for the others.
        let task = dialer.runtime.clone().spawn(async move {
            let _told = told;
            tokio::time::sleep_until(begins.into()).await;
            let began = Instant::now();
            opened(began, dialer.dial(&subscribers).await);
        });
        self.opening = Some(ConnectionAttempt { task: AbortOnDropHandle::new(task), done: done.clone() });
        done
    }

    /// The opening is over.
    pub(crate) fn on_connected(&mut self, dialer: &Dialer, began: Instant, opened: Result<Connection, StartError>) {
        self.opening = None;
        match opened {
            _ if self.over.is_some() => {}
            Ok(connection) => {
                let connection = Arc::new(connection);
                let list_changes = dialer.runtime.spawn(pass_on(connection.clone(), dialer.stale.clone()));
                self.is_refused = false;
                self.live = Some(Live { connection, _list_changes: AbortOnDropHandle::new(list_changes) });
                self.unanswered = 0;
                if std::mem::take(&mut self.lost) {
                    // What came back may be another version.
                    dialer.stale.notify_one();
                }
            }
            Err(start_error) => {
                let is_unauthorized = matches!(start_error.why, Absence::Unauthorized { .. });
                self.is_refused = is_unauthorized && dialer.holder != CredentialHolder::Gateway;
                if self.breaker.failed(began, Instant::now(), jitter()) {
                    let message = &start_error.message;
                    tracing::debug!(server.name = %dialer.config.name, message, "no connection to the server");
                    self.warn(dialer);
                }
                self.start_error = Some(start_error);
            }
        }
    }

    /// Why there is no connection although one was to be opened.
    pub(crate) fn unopened(&self, dialer: &Dialer) -> LaneError {
        if let Some(error) = self.over().or_else(|| self.refusal(dialer)) {
            return error;
        }
        let start_error = self.start_error.clone().unwrap_or_else(|| StartError::from(String::new()));
        LaneError::Unopened { start_error, again: self.lost }
    }

    /// Why none is opened before this moment.
    pub(crate) fn refused(&self, dialer: &Dialer, until: Instant) -> LaneError {
        self.refusal(dialer).unwrap_or_else(|| LaneError::Open { failures: self.breaker.failures(), until })
    }

    fn refusal(&self, dialer: &Dialer) -> Option<LaneError> {
        self.is_refused.then(|| LaneError::Refused(dialer.holder.clone()))
    }

    /// A connection is of no use any more. It ends in good order, beside whatever follows it: what still waits for an answer on
    /// it breaks off. `began` is when that began which showed it.
    pub(crate) fn lose(&mut self, dialer: &Dialer, connection: &Arc<Connection>, began: Instant, why: &str) {
        let Some(live) = self.live.take_if(|live| Arc::ptr_eq(&live.connection, connection)) else { return };
        self.lost = true;
        self.breaker.failed(began, Instant::now(), jitter());
        tracing::warn!(server.name = %dialer.config.name, why, "upstream connection lost");
        self.warn(dialer);
        self.close_in_background(dialer, live);
    }

    /// The server did not work for a request that began then. Over HTTP the connection may be of use all the same.
    pub(crate) fn failed(&mut self, dialer: &Dialer, began: Instant) {
        if self.breaker.failed(began, Instant::now(), jitter()) {
            self.warn(dialer);
        }
    }

    fn close_in_background(&mut self, dialer: &Dialer, live: Live) {
        let ending = dialer.runtime.spawn(async move { live.connection.close().await });
        self.ending = Some(AbortOnDropHandle::new(ending));
    }

    fn warn(&self, dialer: &Dialer) {
        if self.is_refused {
            if self.health.set(Some(dialer.refusal())) {
                dialer.log_refusal();
            }
        } else if !self.breaker.is_closed() {
            self.health.set(Some(Failing::Broken));
            let failures = self.breaker.failures();
            tracing::warn!(server.name = %dialer.config.name, failures, "circuit breaker opened");
        }
    }

    /// The server answered a call.
    pub(crate) fn on_answer(&mut self, dialer: &Dialer) -> bool {
        self.unanswered = 0;
        self.test = None;
        self.health.set(None);
        let reopened = self.breaker.succeeded();
        if reopened {
            tracing::info!(server.name = %dialer.config.name, "circuit breaker closed");
        }
        reopened
    }

    /// A call timed out. After several in a row the server is asked for its tools: a healthy server answers that beside
    /// whatever it computes. The check has `start_timeout`, and an answer to any call meanwhile passes it. `lost` is notified
    /// of a check that failed.
    pub(crate) fn on_timeout(
        &mut self,
        dialer: &Arc<Dialer>,
        connection: &Arc<Connection>,
        lost: impl FnOnce(&Arc<Connection>, Instant) + Send + 'static,
    ) {
        if !self.live.as_ref().is_some_and(|live| Arc::ptr_eq(&live.connection, connection)) {
            return;
        }
        self.unanswered += 1;
        if self.unanswered < UNANSWERED || self.test.as_ref().is_some_and(|test| !test.is_finished()) {
            return;
        }
        self.unanswered = 0;
        let (dialer, connection) = (dialer.clone(), connection.clone());
        let test = dialer.runtime.clone().spawn(async move {
            let began = Instant::now();
            let asked = tokio::time::timeout(dialer.config.start_timeout, connection.list(dialer.limits)).await;
            if asked.is_err() {
                lost(&connection, began);
            }
        });
        self.test = Some(AbortOnDropHandle::new(test));
    }

    /// Closes the connection. The next one is opened when it is needed.
    pub(crate) fn disconnect(&mut self, dialer: &Dialer) {
        if let Some(live) = self.live.take() {
            self.close_in_background(dialer, live);
        }
    }

    /// Ends it. Nothing is opened any more.
    pub(crate) fn end(&mut self, why: LaneError) -> Teardown {
        self.over.get_or_insert(why);
        self.test = None;
        let connection = self.live.take().map(|live| live.connection);
        Teardown { connection, opening: self.opening.take(), ending: self.ending.take() }
    }
}

impl Teardown {
    /// Waits for the end of them.
    pub(crate) async fn close(self) {
        let open = async {
            if let Some(connection) = self.connection {
                connection.close().await;
            }
        };
        let opening = async {
            if let Some(opening) = self.opening {
                opening.task.abort();
                let _ = opening.task.await;
            }
        };
        let ending = async {
            if let Some(ending) = self.ending {
                let _ = ending.await;
            }
        };
        tokio::join!(open, opening, ending);
    }
}

async fn pass_on(connection: Arc<Connection>, stale: Arc<tokio::sync::Notify>) {
    loop {
        connection.list_changed().await;
        stale.notify_one();
    }
}
