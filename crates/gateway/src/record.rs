//! The record of runs and calls, and what was lost of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use exuvia_journal::{Entry, Event, Journal, JournalError};
use exuvia_tool::{CallContext, Origin, Principal};
use tracing::field::display;

use crate::metrics::Metrics;

/// The journal of a gateway. An entry that cannot be kept is told to the operator and counted, whoever appends it.
pub(crate) struct Recorder {
    journal: Arc<dyn Journal>,
    metrics: Arc<Metrics>,
    is_failing: AtomicBool,
}

/// What is recorded of one run, or of one call of a client. Entries may come from several threads.
pub(crate) struct RunRecord {
    recorder: Arc<Recorder>,
    principal: Principal,
    origin: Origin,
    lost: AtomicU64,
}

impl Recorder {
    pub(crate) fn new(journal: Arc<dyn Journal>, metrics: Arc<Metrics>) -> Arc<Self> {
        Arc::new(Self { journal, metrics, is_failing: AtomicBool::new(false) })
    }

    /// Begins the record of a run, or of a client's own call.
    pub(crate) fn of(self: &Arc<Self>, context: &CallContext) -> Arc<RunRecord> {
        let CallContext { principal, origin, .. } = context.clone();
        Arc::new(RunRecord { recorder: Arc::clone(self), principal, origin, lost: AtomicU64::new(0) })
    }

    /// Whether the latest entry could not be kept.
    pub(crate) fn is_failing(&self) -> bool {
        self.is_failing.load(Ordering::Relaxed)
    }

    fn append(&self, entry: Entry) -> Result<(), JournalError> {
        let (kind, origin, call) = (entry.event.kind(), entry.origin.clone(), entry.event.call_id().map(|id| id.0));
        let appended = self.journal.append(entry);
        self.is_failing.store(appended.is_err(), Ordering::Relaxed);
        if let Err(error) = &appended {
            self.metrics.entry_lost(kind);
            let (run, direct) = (origin.run().map(display), origin.direct().map(display));
            tracing::error!(run.id = run, direct.id = direct, call.id = call, entry = kind, %error, "journal append failed");
        }
        appended
    }
}

impl RunRecord {
    /// Records what is about to be done.
    ///
    /// # Errors
    ///
    /// The entry could not be kept: what is not recorded must not be done.
    pub(crate) fn require(&self, event: Event) -> Result<(), JournalError> {
        let entry = Entry { principal: self.principal.clone(), origin: self.origin.clone(), event };
        self.recorder.append(entry).inspect_err(|_| {
            self.lost.fetch_add(1, Ordering::Relaxed);
        })
    }

    /// Records what has happened already: nothing is left to stop.
    pub(crate) fn note(&self, event: Event) {
        let _ = self.require(event);
    }

    /// How many of its entries could not be kept so far.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}
