//! The journal entries of runs and calls, and those that were lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use exuvia_journal::{Entry, Journal, JournalError};
use exuvia_tool::RunId;

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
    run: RunId,
    lost: AtomicU64,
}

impl Recorder {
    pub(crate) fn new(journal: Arc<dyn Journal>, metrics: Arc<Metrics>) -> Arc<Self> {
        Arc::new(Self { journal, metrics, is_failing: AtomicBool::new(false) })
    }

    /// Begins the record of a run.
    pub(crate) fn of_run(self: &Arc<Self>, run: RunId) -> Arc<RunRecord> {
        Arc::new(RunRecord { recorder: Arc::clone(self), run, lost: AtomicU64::new(0) })
    }

    /// Whether the latest entry could not be kept.
    pub(crate) fn is_failing(&self) -> bool {
        self.is_failing.load(Ordering::Relaxed)
    }

    fn append(&self, entry: Entry) -> Result<(), JournalError> {
        let (kind, run, call) = (entry.kind(), entry.run().clone(), entry.call_id().map(|id| id.0));
        let appended = self.journal.append(entry);
        self.is_failing.store(appended.is_err(), Ordering::Relaxed);
        if let Err(error) = &appended {
            self.metrics.entry_lost(kind);
            tracing::error!(run.id = %run, call.id = call, entry = kind, %error, "journal append failed");
        }
        appended
    }
}

impl RunRecord {
    pub(crate) fn run(&self) -> &RunId {
        &self.run
    }

    /// Records what is about to be done.
    ///
    /// # Errors
    ///
    /// The entry could not be kept: what is not recorded must not be done.
    pub(crate) fn require(&self, entry: Entry) -> Result<(), JournalError> {
        self.recorder.append(entry).inspect_err(|_| {
            self.lost.fetch_add(1, Ordering::Relaxed);
        })
    }

    /// Records what has happened already: nothing is left to stop.
    pub(crate) fn note(&self, entry: Entry) {
        let _ = self.require(entry);
    }

    /// How many of its entries could not be kept so far.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}
