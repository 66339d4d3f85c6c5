//! How far a run is that is brought back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use exuvia_journal::Reading;
use exuvia_tool::{ActiveTime, CallId, HostBounds, NextWait, ToolCall, ToolOutcome, locked};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::departure::Departure;
use crate::recorded_run::{CallState, RecordedRun};
use crate::source::{Ending, Kind, Source as _};
use crate::strict::Strict;

/// A run that is being brought back: it takes what is recorded, and then what is live.
pub(crate) struct Resuming {
    pub(crate) run: Arc<RecordedRun>,
    strict: Mutex<Strict>,
    departure: Mutex<Option<Departure>>,
    live: watch::Sender<bool>,
    stop: CancellationToken,
    active: Arc<ActiveTime>,
    /// Whether the latest search was answered from the record.
    search_is_recorded: AtomicBool,
}

impl Resuming {
    pub(crate) fn new(run: Arc<RecordedRun>, active: Arc<ActiveTime>) -> Arc<Self> {
        Arc::new(Self {
            strict: Mutex::new(Strict::new(Arc::clone(&run))),
            run,
            departure: Mutex::default(),
            live: watch::Sender::new(false),
            stop: CancellationToken::new(),
            active,
            search_is_recorded: AtomicBool::new(false),
        })
    }

    /// Cancelled when the run departs from its record.
    pub(crate) fn stop(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Where it departs from its record, or what of that it has not used.
    pub(crate) fn departure(&self) -> Option<Departure> {
        let departed = locked(&self.departure).clone();
        departed.or_else(|| if self.is_live() { None } else { locked(&self.strict).unused() })
    }

    pub(crate) fn is_live(&self) -> bool {
        *self.live.borrow()
    }

    /// Waits until the record is over. A run that departs never gets there.
    pub(crate) async fn until_live(&self) {
        let mut live = self.live.subscribe();
        if live.wait_for(|live| *live).await.is_err() {
            std::future::pending().await
        }
    }

    /// What the record has. None: it is over, or the run departs.
    fn recorded<T>(&self, ask: impl FnOnce(&mut Strict) -> Result<T, Ending>) -> Option<T> {
        if self.is_live() { None } else { self.ask(ask) }
    }

    fn ask<T>(&self, ask: impl FnOnce(&mut Strict) -> Result<T, Ending>) -> Option<T> {
        let mut strict = locked(&self.strict);
        match ask(&mut strict) {
            Ok(answer) => Some(answer),
            Err(Ending::Departed(departure)) => {
                self.depart(*departure);
                None
            }
            // The record is over, if nothing of it is left.
            Err(_) => {
                self.over(strict.unused());
                None
            }
        }
    }

    fn over(&self, unused: Option<Departure>) {
        match unused {
            Some(departure) => self.depart(departure),
            None => self.go_live(),
        }
    }

    fn depart(&self, departure: Departure) {
        locked(&self.departure).get_or_insert(departure);
        self.stop.cancel();
    }

    fn go_live(&self) {
        if locked(&self.departure).is_none() {
            self.active.goes_live(Instant::now());
            self.live.send_replace(true);
        }
    }

    pub(crate) fn reading(&self, kind: Kind) -> Option<Reading> {
        self.recorded(|strict| strict.reading(kind))
    }

    pub(crate) fn wait(&self, outstanding: &[CallId]) -> Option<NextWait> {
        self.recorded(|strict| {
            let next = strict.wait(outstanding)?;
            let NextWait::Recorded(calls) = &next else { return Ok(next) };
            // What was reported was answered: else this would wait for ever.
            let is_open = |call: &&CallId| self.run.is_open(**call);
            match calls.iter().find(is_open) {
                Some(&call) => Err(Departure::NoAnswer { call }.into()),
                None => Ok(next),
            }
        })
    }

    /// What a call is answered. None: nothing that is recorded; it is made when the run is live, if that has not departed.
    ///
    /// A call that the script made before the end of the record may have its turn after it: what came of it then counts all the same, or it
    /// would be made twice.
    pub(crate) fn meet(&self, call: &ToolCall) -> Option<ToolOutcome> {
        let is_recorded = self.run.calls.contains_key(&call.id) || self.run.host_failures.contains_key(&call.id);
        let met =
            if is_recorded { self.ask(|strict| strict.meet(call)) } else { self.recorded(|strict| strict.meet(call)) };
        met.flatten()
    }

    /// Whether the record is over, and the run as it is recorded.
    pub(crate) fn may_act(&self) -> bool {
        self.is_live() && !self.stop.is_cancelled()
    }

    /// Whether the record has the answer of this call, or its failure.
    pub(crate) fn has_answer(&self, call: CallId) -> bool {
        let state = self.run.calls.get(&call).map(|call| &call.state);
        self.run.host_failures.contains_key(&call) || matches!(state, Some(CallState::Answered(_)))
    }

    /// Counts the call as made.
    pub(crate) fn makes(&self, call: CallId) -> HostBounds {
        locked(&self.strict).bounds(call)
    }

    pub(crate) fn searches(&self, is_recorded: bool) {
        self.search_is_recorded.store(is_recorded, Ordering::Relaxed);
    }

    pub(crate) fn search_is_recorded(&self) -> bool {
        self.search_is_recorded.load(Ordering::Relaxed)
    }

    /// The run blocks on a call. One without an answer is the last thing that the record can have.
    pub(crate) fn blocked_on(&self, call: CallId) {
        self.recorded(|strict| strict.blocked_on(call));
        if self.is_live() || self.has_answer(call) {
            return;
        }
        let unused = locked(&self.strict).unused();
        // One that was never recorded may be one that the host itself fails, at once.
        if unused.is_none() || self.run.calls.contains_key(&call) {
            self.over(unused);
        }
    }
}
