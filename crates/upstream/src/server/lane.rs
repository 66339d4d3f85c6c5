//! One (server, credential): whose calls share a connection, and with it the server's state, its failures and its limits.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use exuvia_tool::{CallError, Deadline, Place, ToolName};
use rmcp::model::ClientRequest;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use super::breaker::Admission;
use super::dialer::Dialer;
use super::life::Life;
use super::questions::Questions;
use super::refused::Refused;
use crate::Era;
use crate::connection::{BrokenOff, Connection};
use crate::exchange::{Answer, Filled, Session, Slot, locked};
use crate::order::DispatchTicket;
use crate::relay::RelayOptions;

/// How long a call waits for what comes of another one that probes an ailing server: long enough for most to start.
const PROBING: Duration = Duration::from_secs(5);

/// A lane to a server: at most one connection at a time, opened when a call needs it.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) dialer: Arc<Dialer>,
    life: Mutex<Life>,
    /// Ticks when what the breaker says has changed, or the lane is over.
    verdicts: watch::Sender<()>,
    /// First come, first served.
    in_flight: Semaphore,
    questions: Questions,
}

/// A connection to make a request on.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) connection: Arc<Connection>,
    /// The request is the one that decides whether the breaker closes.
    pub(crate) probe: Option<Probe>,
}

/// The right to be the probe. Dropped before the breaker heard of an outcome, it goes to the next one.
#[derive(Debug)]
pub(crate) struct Probe {
    lane: Arc<Lane>,
    number: u64,
}

/// What a call does next.
enum Step {
    Go(Arc<Connection>),
    Join(CancellationToken),
    Wait { until: Instant },
}

impl Lane {
    pub(crate) fn new(dialer: Arc<Dialer>) -> Self {
        let in_flight = Semaphore::new(dialer.limits.calls_in_flight.clamp(1, Semaphore::MAX_PERMITS));
        let (life, questions) = (Mutex::default(), Questions::default());
        Self { dialer, life, verdicts: watch::Sender::new(()), in_flight, questions }
    }

    /// Makes a call, or asks for something else that `name` names in errors, once. All waiting ends with `deadline`. The
    /// question that comes with the answer is the call's own.
    ///
    /// # Errors
    ///
    /// There is no connection, it broke off, or there was no answer in time.
    pub(crate) async fn call(
        self: &Arc<Self>,
        name: &ToolName,
        request: ClientRequest,
        relay: Option<&RelayOptions>,
        deadline: Deadline,
        ticket: DispatchTicket,
    ) -> Result<Filled, CallError> {
        let mut sent_on = None;
        let DispatchTicket { admission, leaving } = ticket;
        let call = async {
            admission.first().await;
            // The turn first: those who wait for one must not keep others from being on their way.
            let turn = self.questions.turn(&name.tool).await;
            let _place = self.in_flight.acquire().await;
            drop(admission);
            let Admitted { connection, probe: _probe } =
                self.connection_in_order(&leaving).await.map_err(|refused| refused.of_call(name))?;
            sent_on = Some(connection.clone());
            let slot = Slot::of_call(relay.and_then(|relay| relay.news.clone()), turn.is_some());
            let flight = self.questions.leave(&name.tool, turn);
            let began = Instant::now();
            match connection.send(request, slot, relay.map(RelayOptions::meta), leaving).await {
                Ok(mut filled) => {
                    self.heard(&filled, &connection, began);
                    // In the newer protocol a question is the answer.
                    if connection.era() == Era::Legacy {
                        filled.asked = flight.landed(filled.asked);
                    }
                    Ok(filled)
                }
                Err(BrokenOff) => {
                    self.lost(&connection, began, "it broke off during a call");
                    let server = &name.server;
                    let sentence =
                        format!("server {server} broke off during {name}; whether the call took effect is unknown");
                    Err(CallError::UpstreamUnavailable(sentence))
                }
            }
        };
        if Instant::now() >= deadline.at() {
            // A timer that is due already would let the call leave first.
            return Err(deadline.missed());
        }
        match tokio::time::timeout_at(deadline.at().into(), call).await {
            Ok(outcome) => outcome,
            Err(_) => {
                if let Some(connection) = sent_on {
                    self.unanswered(&connection);
                }
                Err(deadline.missed())
            }
        }
    }

    /// The [connection](Self::connection) for a request that leaves from this place, as soon as it may leave. Whoever is behind
    /// others waits for a connection together with them, and looks again when it is the first: the right to be the probe
    /// goes to the one that leaves first, and what has failed meanwhile is not tried by each in turn.
    async fn connection_in_order(self: &Arc<Self>, leaving: &Place) -> Result<Admitted, Refused> {
        loop {
            let admitted = self.connection().await?;
            if leaving.is_first() {
                return Ok(admitted);
            }
            drop(admitted);
            leaving.first().await;
        }
    }

    /// The live connection, or a new one. All who find none wait for the same one.
    ///
    /// # Errors
    ///
    /// The breaker is open, the connection cannot be opened, or the lane is over.
    pub(crate) async fn connection(self: &Arc<Self>) -> Result<Admitted, Refused> {
        let impatient = Instant::now() + PROBING;
        let mut verdicts = self.verdicts.subscribe();
        let mut probe = None;
        loop {
            verdicts.mark_unchanged();
            match self.step(&mut probe)? {
                Step::Go(connection) => return Ok(Admitted { connection, probe }),
                Step::Join(opened) => {
                    opened.cancelled().await;
                    let mut life = locked(&self.life);
                    let Some(connection) = life.live(&self.dialer) else { return Err(life.unopened()) };
                    return Ok(Admitted { connection, probe });
                }
                Step::Wait { until } => {
                    let until = until.min(impatient);
                    if Instant::now() >= impatient {
                        let failures = locked(&self.life).breaker.failures();
                        return Err(Refused::Open { failures, until: Instant::now() + PROBING });
                    }
                    let _ = tokio::time::timeout_at(until.into(), verdicts.changed()).await;
                }
            }
        }
    }

    fn step(self: &Arc<Self>, probe: &mut Option<Probe>) -> Result<Step, Refused> {
        let mut life = locked(&self.life);
        if let Some(over) = life.over() {
            return Err(over);
        }
        let live = life.live(&self.dialer);
        if probe.is_none() {
            match life.breaker.admit(Instant::now()) {
                Admission::Pass => {}
                Admission::Probe(number) => *probe = Some(Probe { lane: self.clone(), number }),
                Admission::Wait { until } => return Ok(Step::Wait { until }),
                Admission::Refuse { until } => {
                    return Err(Refused::Open { failures: life.breaker.failures(), until });
                }
            }
        }
        Ok(match live {
            Some(connection) => Step::Go(connection),
            None => Step::Join(life.open(self)),
        })
    }

    /// Takes what came of opening a connection.
    pub(crate) fn opened(&self, began: Instant, opened: Result<Connection, String>) {
        locked(&self.life).opened(&self.dialer, began, opened);
        self.verdicts.send_replace(());
    }

    /// The server answered a request that [`connection`](Self::connection) admitted.
    pub(crate) fn answered(&self) {
        if locked(&self.life).answered(&self.dialer) {
            self.verdicts.send_replace(());
        }
    }

    /// What an answer to a request that began then says of the server's health.
    fn heard(&self, filled: &Filled, connection: &Arc<Connection>, began: Instant) {
        match &filled.answer {
            _ if filled.session == Session::Lost => self.lost(connection, began, "it has lost its session"),
            Some(Answer::Failed(failure)) if failure.is_unwell() => {
                locked(&self.life).failed(&self.dialer, began);
                self.verdicts.send_replace(());
            }
            Some(Answer::Failed(failure)) if failure.is_unauthorized() => {
                self.answered();
                self.dialer.refuses_credentials();
            }
            // Whatever it says, it says something.
            _ => self.answered(),
        }
    }

    /// A connection is of no use any more.
    pub(crate) fn lost(&self, connection: &Arc<Connection>, began: Instant, why: &str) {
        locked(&self.life).lose(&self.dialer, connection, began, why);
        self.verdicts.send_replace(());
    }

    /// A request got no answer in its time.
    pub(crate) fn unanswered(self: &Arc<Self>, connection: &Arc<Connection>) {
        locked(&self.life).unanswered(self, connection);
    }

    /// Closes the connection, in the background. The next request opens another one.
    pub(crate) fn rest(&self) {
        locked(&self.life).rest(&self.dialer);
    }

    /// Ends the lane: at most 6 s. Calls that are on their way break off.
    pub(crate) async fn close(&self, why: Refused) {
        let remains = locked(&self.life).end(why);
        self.verdicts.send_replace(());
        remains.close().await;
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        locked(&self.lane.life).breaker.given_up(self.number, Instant::now());
        self.lane.verdicts.send_replace(());
    }
}
