//! The ends of calls and runs, recorded and counted however they come about.

use std::sync::Arc;
use std::time::Instant;

use exuvia_journal::Event;
use exuvia_runtime::Report;
use exuvia_tool::{CallId, Deadline};

use crate::metrics::Metrics;
use crate::record::RunRecord;

/// What becomes of a run, or a call, whose future is dropped half-way by whoever waited for it.
const CANCELLED: &str = "cancelled";

/// The name of what was dropped without an outcome: a call whose time was over has timed out, whoever noticed it.
fn dropped(deadline: Option<&Deadline>) -> &'static str {
    if deadline.is_some_and(|deadline| Instant::now() >= deadline.at()) { "timed-out" } else { CANCELLED }
}

/// Records the end of a call that is about to be dispatched, when it goes. It is there before the intent is recorded: whoever drops the
/// call while it waits for that leaves no intent without an end.
pub(crate) struct RecordedCall {
    record: Arc<RunRecord>,
    id: CallId,
    deadline: Option<Deadline>,
    /// What came of it, and the size of its value in bytes.
    pub(crate) came: Option<(&'static str, u64)>,
    /// Its intent could not be recorded.
    is_unmade: bool,
}

impl RecordedCall {
    pub(crate) fn new(record: &Arc<RunRecord>, id: CallId, deadline: Option<Deadline>) -> Self {
        Self { record: Arc::clone(record), id, deadline, came: None, is_unmade: false }
    }

    /// The call is not made: it has no end.
    pub(crate) fn forget(mut self) {
        self.is_unmade = true;
    }
}

impl Drop for RecordedCall {
    fn drop(&mut self) {
        if self.is_unmade {
            return;
        }
        let (code, value_bytes) = self.came.unwrap_or_else(|| (dropped(self.deadline.as_ref()), 0));
        self.record.note(Event::CallEnded { id: self.id, code: code.to_owned(), value_bytes });
    }
}

/// Counts a call when it goes.
pub(crate) struct CountedCall {
    metrics: Arc<Metrics>,
    /// None: a server that does not exist is only a word of whoever calls it.
    server: Option<String>,
    begun: Instant,
    deadline: Option<Deadline>,
    pub(crate) code: Option<&'static str>,
}

impl CountedCall {
    pub(crate) fn new(metrics: &Arc<Metrics>, server: Option<String>, deadline: Option<Deadline>) -> Self {
        Self { metrics: Arc::clone(metrics), server, begun: Instant::now(), deadline, code: None }
    }
}

impl Drop for CountedCall {
    fn drop(&mut self) {
        if let Some(server) = &self.server {
            let code = self.code.unwrap_or_else(|| dropped(self.deadline.as_ref()));
            self.metrics.call_ended(server, code, self.begun.elapsed());
        }
    }
}

/// Records and counts the end of a run, when it is told or when it goes.
pub(crate) struct EndingRun {
    record: Arc<RunRecord>,
    metrics: Arc<Metrics>,
    begun: Instant,
    /// Whether its start is recorded, or about to be: only then its end is.
    pub(crate) is_started: bool,
    is_over: bool,
}

impl EndingRun {
    pub(crate) fn new(record: &Arc<RunRecord>, metrics: &Arc<Metrics>) -> Self {
        let (record, metrics, begun) = (Arc::clone(record), Arc::clone(metrics), Instant::now());
        Self { record, metrics, begun, is_started: false, is_over: false }
    }

    /// The run ended in this way. Says in the report what is missing in the record.
    pub(crate) fn end(mut self, report: &mut Report) {
        self.metrics.run_ended(report, self.begun.elapsed());
        self.is_over = true;
        self.note(report.outcome.name());
        report.unrecorded = self.record.lost();
    }

    fn note(&self, outcome: &str) {
        if self.is_started {
            self.record.note(Event::RunEnded { outcome: outcome.to_owned() });
        }
    }
}

impl Drop for EndingRun {
    fn drop(&mut self) {
        if !self.is_over {
            // The runtime of runs ends, or something in the run panicked.
            let outcome = if std::thread::panicking() { "fault" } else { CANCELLED };
            self.metrics.run_dropped(outcome);
            self.note(outcome);
        }
    }
}
