//! One (server, credential): whose calls share a connection, and with it the server's state, its failures and its limits.

use std::pin::pin;
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use exuvia_mcp_client::error_code::{INVALID_PARAMS, METHOD_NOT_FOUND};
use exuvia_mcp_client::{
    BrokenOff, Connection, InterimMessage, RelayOptions, ServerAnswer, SessionOutcome, Slot, SlotContents,
};
use exuvia_tool::{CallError, Deadline, DispatchTicket, Json, Place, ToolName, locked};
use rmcp::model::ClientRequest;
use serde_json::json;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use super::breaker::BreakerDecision;
use super::dialer::{CredentialHolder, Dialer};
use super::elicitation_history::ElicitationHistory;
use super::health::Health;
use super::lane_error::LaneError;
use super::lane_state::LaneState;
use super::subscribers::Subscribers;
use crate::status::StartError;

/// How long a call waits for what comes of another one that probes an ailing server: long enough for most to start.
const PROBING: Duration = Duration::from_secs(5);

/// A lane to a server: at most one connection at a time, opened when a call needs it.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) dialer: Arc<Dialer>,
    state: Mutex<LaneState>,
    /// Ticks when what the breaker says has changed, or the lane is over.
    verdicts: watch::Sender<()>,
    /// First come, first served.
    in_flight: Arc<Semaphore>,
    history: Arc<ElicitationHistory>,
    /// Why its calls fail at the moment, and those of all lanes that share this.
    health: Arc<Health>,
    /// Whom its connections tell of changed resources.
    subscribers: Arc<Subscribers>,
    /// One client's, for calls of tools that ask: they go one by one.
    is_own: bool,
}

/// A connection to make a request on.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) connection: Arc<Connection>,
    /// The request is the one that decides whether the breaker closes.
    pub(crate) probe: Option<Probe>,
}

/// The right to be the probe. Dropped before the breaker knows an outcome, it passes to the next call.
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
    /// A new lane.
    pub(crate) fn new(
        dialer: Arc<Dialer>,
        history: Arc<ElicitationHistory>,
        health: Arc<Health>,
        subscribers: Arc<Subscribers>,
    ) -> Self {
        let in_flight = dialer.limits.calls_in_flight.clamp(1, Semaphore::MAX_PERMITS);
        let (verdicts, in_flight) = (watch::Sender::new(()), Arc::new(Semaphore::new(in_flight)));
        let state = Mutex::new(LaneState::new(health.clone()));
        Self { dialer, state, verdicts, in_flight, history, health, subscribers, is_own: false }
    }

    /// A lane for the calls of one client that it may be asked about, one by one.
    pub(crate) fn own(
        dialer: Arc<Dialer>,
        history: Arc<ElicitationHistory>,
        health: Arc<Health>,
        subscribers: Arc<Subscribers>,
    ) -> Self {
        let in_flight = Arc::new(Semaphore::new(1));
        Self { in_flight, is_own: true, ..Self::new(dialer, history, health, subscribers) }
    }

    /// Why its calls fail at the moment.
    pub(crate) fn health(&self) -> &Arc<Health> {
        &self.health
    }

    /// Whether calls fail here, and not for what `other` has in common with it.
    pub(crate) fn is_failing_alone(&self, other: &Self) -> bool {
        !Arc::ptr_eq(&self.health, &other.health) && self.health.failing().is_some()
    }

    /// The server refuses the credential.
    pub(crate) fn refuses_credentials(&self) {
        if self.health.set(Some(self.dialer.refusal())) {
            self.dialer.log_refusal();
        }
    }

    /// Makes a call, or asks for something else that `name` names in errors, once, for `client`. All waiting ends with
    /// `deadline`.
    ///
    /// # Errors
    ///
    /// There is no connection, it broke off, or there was no answer in time.
    pub(crate) async fn call(
        self: &Arc<Self>,
        name: &ToolName,
        client: Option<&Arc<str>>,
        request: ClientRequest,
        relay: Option<&RelayOptions>,
        deadline: Deadline,
        ticket: DispatchTicket,
    ) -> Result<SlotContents, CallError> {
        let mut sent_on = None;
        let DispatchTicket { admission, leaving } = ticket;
        let call = async {
            admission.first().await;
            if self.is_own && self.in_flight.available_permits() == 0 {
                notify_waiting(name, relay);
            }
            let place = Arc::clone(&self.in_flight).acquire_owned().await.ok();
            drop(admission);
            let Admitted { connection, probe: _probe } =
                self.connection_in_order(&leaving).await.map_err(|refused| refused.of_call(name))?;
            sent_on = Some(connection.clone());
            // On a lane of its own a client waits for itself, and a question for the call before it.
            let (_kept, place) = if self.is_own { (place, None) } else { (None, place) };
            let asks = self.history.of(&name.tool).is_some();
            let slot = Slot::of_call(relay.and_then(|relay| relay.interim.clone()), asks, place);
            let slot = slot.put_off(&deadline, self.dialer.config.max_call_timeout);
            let in_flight_call = InFlight { lane: self, tool: &name.tool, slot: slot.clone() };
            connection.used_by(client);
            let began = Instant::now();
            match connection.send(request, slot, relay.map(RelayOptions::meta), leaving).await {
                Ok(contents) => {
                    self.on_response(&contents, &connection, began);
                    in_flight_call.complete(&contents);
                    match self.is_refused(&contents) {
                        true => Err(LaneError::Refused(self.dialer.holder.clone()).of_call(name)),
                        false => Ok(contents),
                    }
                }
                Err(BrokenOff) => {
                    self.on_disconnected(&connection, began, "it disconnected during a call");
                    let server = &name.server;
                    let sentence =
                        format!("server {server} disconnected during {name}; whether the call took effect is unknown");
                    Err(CallError::UpstreamUnavailable(sentence))
                }
            }
        };
        if Instant::now() >= deadline.at() {
            // A timer that is due already would let the call leave first.
            return Err(deadline.missed());
        }
        match in_time(&deadline, call).await {
            Some(outcome) => outcome,
            None => {
                if let Some(connection) = sent_on {
                    self.on_timeout(&connection);
                    self.dialer.log_timeout(name, &deadline);
                }
                Err(deadline.missed())
            }
        }
    }

    /// The [connection](Self::connection) for a request that leaves from this place, as soon as it may leave. Requests behind
    /// others wait for a connection together with them, and each checks again when it is the first: the first to leave is the
    /// probe, and a failed connection is not tried by each of them in turn.
    async fn connection_in_order(self: &Arc<Self>, leaving: &Place) -> Result<Admitted, LaneError> {
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
    pub(crate) async fn connection(self: &Arc<Self>) -> Result<Admitted, LaneError> {
        let impatient = Instant::now() + PROBING;
        let mut verdicts = self.verdicts.subscribe();
        let mut probe = None;
        loop {
            verdicts.mark_unchanged();
            match self.step(&mut probe)? {
                Step::Go(connection) => return Ok(Admitted { connection, probe }),
                Step::Join(opened) => {
                    opened.cancelled().await;
                    let mut state = locked(&self.state);
                    let Some(connection) = state.live(&self.dialer) else { return Err(state.unopened(&self.dialer)) };
                    return Ok(Admitted { connection, probe });
                }
                Step::Wait { until } => {
                    let until = until.min(impatient);
                    if Instant::now() >= impatient {
                        let failures = locked(&self.state).breaker.failures();
                        return Err(LaneError::Open { failures, until: Instant::now() + PROBING });
                    }
                    let _ = tokio::time::timeout_at(until.into(), verdicts.changed()).await;
                }
            }
        }
    }

    fn step(self: &Arc<Self>, probe: &mut Option<Probe>) -> Result<Step, LaneError> {
        let mut state = locked(&self.state);
        if let Some(over) = state.over() {
            return Err(over);
        }
        let live = state.live(&self.dialer);
        if probe.is_none() {
            match state.breaker.admit(Instant::now()) {
                BreakerDecision::Pass => {}
                BreakerDecision::Probe(number) => *probe = Some(Probe { lane: self.clone(), number }),
                BreakerDecision::Wait { until } => return Ok(Step::Wait { until }),
                BreakerDecision::Refuse { until } => return Err(state.refused(&self.dialer, until)),
            }
        }
        Ok(match live {
            Some(connection) => Step::Go(connection),
            None => {
                let lane = Arc::downgrade(self);
                Step::Join(state.open(&self.dialer, &self.subscribers, move |began, opened| {
                    if let Some(lane) = Weak::upgrade(&lane) {
                        lane.on_connected(began, opened);
                    }
                }))
            }
        })
    }

    /// The connection, if there is one.
    pub(crate) fn live(&self) -> Option<Arc<Connection>> {
        locked(&self.state).live(&self.dialer)
    }

    /// Takes what came of opening a connection.
    fn on_connected(&self, began: Instant, opened: Result<Connection, StartError>) {
        locked(&self.state).on_connected(&self.dialer, began, opened);
        self.verdicts.send_replace(());
    }

    /// The server answered a request that [`connection`](Self::connection) admitted.
    pub(crate) fn on_answer(&self) {
        if locked(&self.state).on_answer(&self.dialer) {
            self.verdicts.send_replace(());
        }
    }

    /// Derives the server's health from a response.
    fn on_response(&self, contents: &SlotContents, connection: &Arc<Connection>, began: Instant) {
        if contents.session == SessionOutcome::Renewed {
            self.subscribers.forgotten();
        }
        match &contents.answer {
            _ if contents.session == SessionOutcome::Lost => {
                self.on_disconnected(connection, began, "it has lost its session")
            }
            Some(ServerAnswer::Failed(failure)) if failure.counts_against_breaker() => {
                locked(&self.state).failed(&self.dialer, began);
                self.verdicts.send_replace(());
            }
            Some(ServerAnswer::Failed(failure)) if failure.is_unauthorized() => {
                self.on_answer();
                self.refuses_credentials();
            }
            // Whatever it says, it says something.
            _ => self.on_answer(),
        }
    }

    /// What to add to the server's error, if it may mean that it has no such tool for the credential of this lane: the tools that are
    /// shown are those that it lists for the gateway's own.
    pub(crate) fn unlisted_hint(&self, contents: &SlotContents, name: &ToolName) -> Option<String> {
        let is_unlisted =
            matches!(contents.answer, Some(ServerAnswer::Error { code: INVALID_PARAMS | METHOD_NOT_FOUND, .. }));
        let is_other = self.dialer.holder != CredentialHolder::Gateway;
        let server = &name.server;
        (is_unlisted && is_other).then(|| {
            format!("{name} is listed for the gateway's credential; server {server} may not offer it for the one that you have")
        })
    }

    /// Whether the server refuses a credential that is not the gateway's own.
    fn is_refused(&self, contents: &SlotContents) -> bool {
        let is_refusal =
            || matches!(&contents.answer, Some(ServerAnswer::Failed(failure)) if failure.is_unauthorized());
        self.dialer.holder != CredentialHolder::Gateway && is_refusal()
    }

    /// A connection is of no use any more.
    pub(crate) fn on_disconnected(&self, connection: &Arc<Connection>, began: Instant, why: &str) {
        locked(&self.state).lose(&self.dialer, connection, began, why);
        self.verdicts.send_replace(());
    }

    /// A request got no answer in its time.
    pub(crate) fn on_timeout(self: &Arc<Self>, connection: &Arc<Connection>) {
        let lane = Arc::downgrade(self);
        locked(&self.state).on_timeout(&self.dialer, connection, move |connection, began| {
            if let Some(lane) = Weak::upgrade(&lane) {
                lane.on_disconnected(connection, began, "it stopped responding");
            }
        });
    }

    /// Closes the connection, in the background. The next request opens another one.
    pub(crate) fn disconnect(&self) {
        locked(&self.state).disconnect(&self.dialer);
    }

    /// Ends the lane: at most 6 s. Calls in flight break off.
    pub(crate) async fn close(&self, why: LaneError) {
        let remains = locked(&self.state).end(why);
        self.verdicts.send_replace(());
        remains.close().await;
    }
}

/// The result of a call before its deadline, which progress may extend.
async fn in_time<T>(deadline: &Deadline, call: impl Future<Output = T>) -> Option<T> {
    let mut call = pin!(call);
    loop {
        // While the user is asked it does not come, and afterwards sooner than it seems now.
        let at = deadline.check_at(Instant::now());
        if let Ok(outcome) = tokio::time::timeout_at(at.into(), &mut call).await {
            return Some(outcome);
        }
        if deadline.at() <= at {
            return None;
        }
    }
}

/// Tells a client that its call waits for another one of its own, which may be waiting for it.
fn notify_waiting(name: &ToolName, relay: Option<&RelayOptions>) {
    let Some(interim) = relay.and_then(|relay| relay.interim.as_ref()) else { return };
    let message = format!("waiting for another call of yours, in which {} may ask you something", name.server);
    let _ = interim.try_send(InterimMessage::Progress(Json::from_value(&json!({ "progress": 0, "message": message }))));
}

/// A call in flight. However it ends, what was learned of its tool is kept.
struct InFlight<'a> {
    lane: &'a Lane,
    tool: &'a str,
    slot: Slot,
}

impl InFlight<'_> {
    /// It was answered.
    fn complete(&self, contents: &SlotContents) {
        let history = &self.lane.history;
        match (contents.doubt, &contents.asked) {
            (Some(doubt), _) => history.declined(self.tool, doubt),
            (None, Some(_)) if self.lane.is_own => history.asked(self.tool),
            (None, None) if self.lane.is_own => history.did_not_ask(self.tool),
            (None, _) => {}
        }
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        // Of one that was answered everything is taken out already.
        if let Some(doubt) = self.slot.doubt() {
            self.lane.history.declined(self.tool, doubt);
        }
        self.slot.give_way();
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        locked(&self.lane.state).breaker.given_up(self.number, Instant::now());
        self.lane.verdicts.send_replace(());
    }
}
