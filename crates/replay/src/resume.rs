//! A run that was parked, or that a crash has cut off while calls of it were held: brought back by its record, and gone on live.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use exuvia_journal::{Archive, Reading};
use exuvia_runtime::Engine;
use exuvia_tool::{ActiveTime, CallId, Namespace, NextWait, RunIo, ToolCall, ToolHost, ToolOutcome, locked};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::departure::Departure;
use crate::error::{NotReplayable, ReplayError};
use crate::recorded_run::{CallState, RecordedRun};
use crate::recording_io::counted_bytes;
use crate::replay::Replay;
use crate::resume_io::ResumeIo;
use crate::resume_tools::ResumeTools;
use crate::source::{Ending, Kind, Source};
use crate::strict::Strict;

/// A run that can be brought back. It is made again from its record to the end of that, and then goes on live: what it takes from the world and
/// what it calls comes from the live [`ToolHost`] and [`RunIo`] from then on. As long as the record has something left, nothing is live:
/// what differs [departs](Resumption::departure), and the run is to be given up.
#[derive(Clone)]
pub struct Resume {
    run: Arc<RecordedRun>,
    namespace: Arc<Namespace>,
}

/// A run that is being brought back. Clones are the same.
#[derive(Clone)]
pub struct Resumption(Arc<Resuming>);

/// How far it is.
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

/// What a resumed run is made with.
#[non_exhaustive]
pub struct ResumedParts {
    /// Answers its calls.
    pub tools: Arc<dyn ToolHost>,
    /// Gives it everything else.
    pub io: Box<dyn RunIo>,
    /// Says how far it is.
    pub resumption: Resumption,
}

impl Resume {
    /// Reads a run and what it takes to bring it back.
    ///
    /// # Errors
    ///
    /// The journal cannot be read, or the run cannot be replayed, or is over.
    pub async fn load(archive: &dyn Archive, run: &exuvia_tool::RunId) -> Result<Self, ReplayError> {
        let replay = Replay::load(archive, run).await?;
        let (run, namespace) = replay.into_parts();
        if run.end.is_some() {
            return Err(NotReplayable::Over.into());
        }
        Ok(Self { run, namespace })
    }

    /// What is recorded of it.
    #[must_use]
    pub fn recorded(&self) -> &Arc<RecordedRun> {
        &self.run
    }

    /// Whether it can be brought back on this engine.
    ///
    /// # Errors
    ///
    /// It was made with another guest, or with more memory.
    pub fn fits(&self, engine: &Engine) -> Result<(), NotReplayable> {
        let (recorded, present) = (&self.run.start.guest_sha256, engine.guest_sha256());
        if recorded != present {
            return Err(NotReplayable::OtherGuest { recorded: recorded.clone(), present: present.to_owned() });
        }
        let (recorded, limits) = (self.run.start.limits.memory_bytes, self.run.start.limits.clone());
        let present = engine.effective(limits).memory_bytes;
        if present < recorded {
            return Err(NotReplayable::LessMemory { recorded, present });
        }
        Ok(())
    }

    /// How many bytes of readings are recorded: those that follow are bounded together with them.
    #[must_use]
    pub fn readings_bytes(&self) -> usize {
        self.run.readings.iter().map(counted_bytes).sum()
    }

    /// Where the clock of the run stood at the end of its record.
    #[must_use]
    pub fn monotonic_clock(&self) -> Duration {
        self.run.clock
    }

    /// What to make the run with. `tools` and `io` are the live ones: `io` has a clock that stands at
    /// [`monotonic_clock`](Self::monotonic_clock) and goes with `active`, which is a [replayed](ActiveTime::replayed) one.
    #[must_use]
    pub fn begin(&self, tools: Arc<dyn ToolHost>, io: Box<dyn RunIo>, active: Arc<ActiveTime>) -> ResumedParts {
        let resuming = Arc::new(Resuming {
            run: Arc::clone(&self.run),
            strict: Mutex::new(Strict::new(Arc::clone(&self.run))),
            departure: Mutex::default(),
            live: watch::Sender::new(false),
            stop: CancellationToken::new(),
            active,
            search_is_recorded: AtomicBool::new(false),
        });
        let namespace = Arc::clone(&self.namespace);
        let tools = Arc::new(ResumeTools { resuming: Arc::clone(&resuming), namespace, live: tools });
        let io = Box::new(ResumeIo::new(Arc::clone(&resuming), io));
        ResumedParts { tools, io, resumption: Resumption(resuming) }
    }
}

impl Resumption {
    /// Cancelled when the run departs from its record.
    #[must_use]
    pub fn stop(&self) -> CancellationToken {
        self.0.stop.clone()
    }

    /// Whether its record is over.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.0.is_live()
    }

    /// Where it departs from its record. To be asked when the run has ended: one that ended before its record did has departed as well.
    #[must_use]
    pub fn departure(&self) -> Option<Departure> {
        let departed = locked(&self.0.departure).clone();
        departed.or_else(|| if self.is_live() { None } else { locked(&self.0.strict).unused() })
    }
}

impl Resuming {
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
        if self.is_live() {
            return None;
        }
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
            let is_open = |call: &&CallId| self.is_open(**call);
            match calls.iter().find(is_open) {
                Some(&call) => Err(Departure::NoAnswer { call }.into()),
                None => Ok(next),
            }
        })
    }

    fn is_open(&self, call: CallId) -> bool {
        let state = self.run.calls.get(&call).map(|call| &call.state);
        matches!(state, Some(CallState::Held | CallState::Unknown)) && !self.run.host_failures.contains_key(&call)
    }

    /// What a call is answered. None: nothing that is recorded; it is made when the run is live.
    pub(crate) fn meet(&self, call: &ToolCall) -> Option<ToolOutcome> {
        self.recorded(|strict| strict.meet(call)).flatten()
    }

    /// Whether the record has the answer of this call, or its failure.
    pub(crate) fn has_answer(&self, call: CallId) -> bool {
        let state = self.run.calls.get(&call).map(|call| &call.state);
        self.run.host_failures.contains_key(&call) || matches!(state, Some(CallState::Answered(_)))
    }

    /// Counts the call as made.
    pub(crate) fn makes(&self, call: CallId) -> exuvia_tool::HostBounds {
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

impl fmt::Debug for Resume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Resume({})", self.run.id)
    }
}

impl fmt::Debug for Resumption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Resumption({}, live: {})", self.0.run.id, self.is_live())
    }
}
