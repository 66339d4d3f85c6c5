//! The journal entries of runs and calls, and those that were lost.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use exuvia_journal::{
    Entry, Event, Journal, JournalError, JournalErrorKind, Losses, Object, PackedGuest, Refusal, Seq,
};
use exuvia_replay::{PendingReadings, RecordedSize, RecordingIo};
use exuvia_runtime::SystemIo;
use exuvia_tool::{BoxFuture, CallContext, Origin, Principal, RunIo};
use tracing::field::display;

use crate::metrics::Metrics;

/// The kind of the entry of a start.
const STARTED: &str = "run-started";

/// The journal of a gateway. An entry that cannot be appended is logged and counted.
pub(crate) struct Recorder {
    journal: Arc<dyn Journal>,
    failures: Arc<Failures>,
}

/// Entries that could not be kept.
struct Failures {
    metrics: Arc<Metrics>,
    /// Whether the latest entry was one.
    is_latest: AtomicBool,
    /// Whether the operator was told that the public part of the journal is larger than all content may be.
    is_public_part_over: AtomicBool,
}

/// What is recorded of one run, or of one call of a client. Entries may come from several threads.
pub(crate) struct RunRecord {
    recorder: Arc<Recorder>,
    principal: Principal,
    origin: Origin,
    lost: AtomicU64,
    /// What the run took from the world and is not recorded yet.
    readings: OnceLock<PendingReadings>,
    /// Whether that is recorded before anything else is.
    keeps_up: AtomicBool,
    /// Whether the journal has refused the start of the run.
    start: Arc<Refusal>,
}

impl Recorder {
    pub(crate) fn new(journal: Arc<dyn Journal>, metrics: Arc<Metrics>) -> Arc<Self> {
        let failures = Arc::new(Failures {
            metrics,
            is_latest: AtomicBool::default(),
            is_public_part_over: AtomicBool::default(),
        });
        journal.tell_losses(Arc::clone(&failures) as Arc<dyn Losses>);
        Arc::new(Self { journal, failures })
    }

    /// Begins the record of a run, or of a client's own call.
    pub(crate) fn of(self: &Arc<Self>, context: &CallContext) -> Arc<RunRecord> {
        let CallContext { principal, origin, .. } = context.clone();
        let (lost, readings, keeps_up, start) = Default::default();
        Arc::new(RunRecord { recorder: Arc::clone(self), principal, origin, lost, readings, keeps_up, start })
    }

    /// Whether the journal keeps what only replays need.
    pub(crate) fn keeps_readings(&self) -> bool {
        self.journal.keeps_readings()
    }

    /// Counts a question of a client about tools and its answer.
    pub(crate) fn looked_up(&self, question: &str, answer: &str) {
        self.journal.looked_up(question, answer);
    }

    /// Whether the latest entry could not be kept, or waits because nothing can be written.
    pub(crate) fn is_failing(&self) -> bool {
        self.failures.is_latest.load(Ordering::Relaxed) || self.journal.is_failing()
    }
}

impl Failures {
    fn on_appended(&self) {
        self.is_latest.store(false, Ordering::Relaxed);
    }

    fn log(&self, kind: &'static str, origin: &Origin, call: Option<u64>, error: &JournalError) {
        self.is_latest.store(true, Ordering::Relaxed);
        self.metrics.entry_lost(kind);
        let (run, direct) = (origin.run().map(display), origin.direct().map(display));
        let (why, error) = (error.kind().name(), format!("{error:#}"));
        tracing::error!(
            run.id = run,
            direct.id = direct,
            call.id = call,
            entry = kind,
            error.kind = why,
            error,
            "journal append failed"
        );
    }
}

impl Losses for Failures {
    fn lost(&self, entry: &Entry, error: &JournalError) {
        let call = entry.event.call_id().map(|id| id.0);
        self.log(entry.event.kind(), &entry.origin, call, error);
    }

    fn retention_waits(&self) {
        tracing::warn!(
            "the clock jumped forward: nothing is removed from the journal for its age until it has stood there for a day"
        );
    }

    fn public_part(&self, bytes: u64, is_over: bool) {
        self.metrics.journal_public_bytes(bytes);
        if is_over && !self.is_public_part_over.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                journal.public_bytes = bytes,
                "the public parts of records take more than `journal.keep_bytes`: they are never removed, and not counted"
            );
        }
    }

    fn guest_not_kept(&self, sha256: &str, error: &JournalError) {
        let error = format!("{error:#}");
        tracing::warn!(guest = sha256, error, "guest not kept: another version of this program cannot replay its runs");
    }
}

/// Why a script is not run whose start cannot be recorded, for its client.
pub(crate) fn unrecorded(error: &JournalError) -> String {
    let why = match error.kind() {
        JournalErrorKind::Full => "too much waits to be recorded",
        _ => "the journal is unavailable, and nothing is run that cannot be recorded",
    };
    format!("{why}; nothing was called, and it may be sent again later")
}

impl RunRecord {
    /// Records what is about to be done. Its place in the record is that of this call.
    ///
    /// # Errors
    ///
    /// The entry could not be kept: what is not recorded must not be done.
    pub(crate) fn require(&self, event: Event) -> impl Future<Output = Result<(), JournalError>> + Send + '_ {
        self.appended(event, |journal, entry| journal.append_durable(entry))
    }

    /// The same, of an intent whose end is recorded even where the future is dropped, unless `refusal` says that the intent was refused.
    ///
    /// # Errors
    ///
    /// As [`require`](Self::require).
    pub(crate) fn require_intent<'a>(
        &'a self,
        event: Event,
        refusal: &Arc<Refusal>,
    ) -> impl Future<Output = Result<(), JournalError>> + Send + use<'a> {
        let refusal = Arc::clone(refusal);
        self.appended(event, move |journal, entry| journal.append_intent(entry, &refusal))
    }

    /// Records the start of a run that may go on meanwhile, as long as it does nothing but execute and record what it is about to do: that is
    /// not recorded without its start. Recorded from the first poll on.
    ///
    /// # Errors
    ///
    /// It is refused: the run must end, and nothing of it is recorded. One that is kept, because something was done meanwhile, and is not written
    /// yet is none.
    pub(crate) async fn start_meanwhile(self: Arc<Self>, started: Event) -> Result<(), JournalError> {
        let recorded = self.appended(started, |journal, entry| journal.append_start(entry, &self.start)).await;
        recorded.or_else(|error| if self.start.leave() { Err(error) } else { Ok(()) })
    }

    /// Whether the journal has refused the start of the run.
    pub(crate) fn start(&self) -> &Arc<Refusal> {
        &self.start
    }

    fn appended<'a>(
        &'a self,
        event: Event,
        append: impl FnOnce(&'a dyn Journal, Entry) -> BoxFuture<'a, Result<Seq, JournalError>>,
    ) -> impl Future<Output = Result<(), JournalError>> + Send + 'a {
        self.readings_first();
        let (kind, call) = (event.kind(), event.call_id().map(|id| id.0));
        let appended = append(&*self.recorder.journal, self.entry(event));
        async move {
            let appended = appended.await.map(|_| ());
            self.on_result(kind, call, appended.as_ref().err());
            appended
        }
    }

    /// Records what has happened already, or was refused: nothing is left to stop. Waits for nothing.
    pub(crate) fn note(&self, event: Event) {
        // An entry that is lost is logged and counted.
        let _ = self.queue(event);
    }

    /// Records what is about to be done and may be done twice. Waits for nothing.
    ///
    /// # Errors
    ///
    /// The entry could not be taken.
    pub(crate) fn queue(&self, event: Event) -> Result<(), JournalError> {
        if event.is_intent() && self.start.leave() {
            return Err(JournalError::new(JournalErrorKind::Unavailable));
        }
        self.readings_first();
        self.append(event)
    }

    fn append(&self, event: Event) -> Result<(), JournalError> {
        let (kind, call) = (event.kind(), event.call_id().map(|id| id.0));
        let taken = self.recorder.journal.enqueue(self.entry(event));
        self.on_result(kind, call, taken.as_ref().err());
        taken
    }

    /// Whether the journal keeps what only replays need.
    pub(crate) fn keeps_readings(&self) -> bool {
        self.recorder.journal.keeps_readings()
    }

    /// Keeps what an entry names by its digest: no later entry is kept without it.
    ///
    /// # Errors
    ///
    /// As [`require`](Self::require).
    pub(crate) async fn keep(&self, object: Option<Arc<Object>>) -> Result<(), JournalError> {
        let Some(object) = object else { return Ok(()) };
        let kept = self.recorder.journal.keep(object).await;
        kept.inspect_err(|error| self.on_result("object", None, Some(error)))
    }

    /// Keeps the guest that the run is made with, in the background.
    pub(crate) fn keep_guest(&self, guest: PackedGuest) {
        self.recorder.journal.keep_guest(guest);
    }

    /// What the run takes time and chance from, recorded where the journal keeps it. `live`: what that is taken from. So much is recorded of an
    /// earlier part of the run.
    pub(crate) fn io(self: &Arc<Self>, live: SystemIo, recorded: RecordedSize) -> Box<dyn RunIo> {
        if !self.keeps_readings() {
            return Box::new(live);
        }
        let record = Arc::clone(self);
        // An entry that is lost is logged and counted, and one that is late is not lost.
        let sink = move |readings| match record.append(Event::RunReadings(readings)) {
            Ok(()) => true,
            Err(error) => error.kind() == JournalErrorKind::Late,
        };
        let io = RecordingIo::after(recorded, live, sink);
        // There is one for each part of a run, and each has a record of its own.
        let _ = self.readings.set(io.pending());
        Box::new(io)
    }

    /// From now on everything that the run took is recorded before what it does then: it is to be brought back from there, whatever becomes
    /// of this process.
    pub(crate) fn keep_up(&self) {
        self.keeps_up.store(true, Ordering::SeqCst);
        self.readings_first();
    }

    fn readings_first(&self) {
        if self.keeps_up.load(Ordering::SeqCst)
            && let Some(readings) = self.readings.get()
        {
            readings.hand_on();
        }
    }

    /// Whether all that the run has taken is recorded.
    pub(crate) fn has_all_readings(&self) -> bool {
        self.readings.get().is_none_or(PendingReadings::are_complete)
    }

    fn entry(&self, event: Event) -> Entry {
        Entry { principal: self.principal.clone(), origin: self.origin.clone(), event }
    }

    fn on_result(&self, kind: &'static str, call: Option<u64>, error: Option<&JournalError>) {
        match error {
            None => self.recorder.failures.on_appended(),
            // It is not lost, and the journal says that it fails.
            Some(error) if error.kind() == JournalErrorKind::Late => {}
            // With its start, which is told once.
            Some(_) if kind != STARTED && self.start.is_refused() => {}
            Some(error) => {
                self.lost.fetch_add(1, Ordering::Relaxed);
                self.recorder.failures.log(kind, &self.origin, call, error);
            }
        }
    }

    /// How many of its entries could not be kept so far. One that the journal took and lost later is counted for the operator
    /// alone.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}
