//! The record of a run's calls.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use exuvia_tool::{CallError, CallId, CallRecord, RunEvent, ToolName};

use crate::events::EventSink;

/// The record of a run's calls. Clones share it.
#[derive(Clone)]
pub struct CallLog {
    /// In the order of their numbers, which begin at 1.
    calls: Arc<Mutex<Vec<CallRecord>>>,
    events: EventSink,
}

impl CallLog {
    pub(crate) fn new(events: EventSink) -> Self {
        Self { calls: Arc::default(), events }
    }

    /// The calls made so far, in the order in which they were made. A call that has no outcome yet is reported as `cancelled`:
    /// this is meant to be read when the run is over.
    #[must_use]
    pub fn records(&self) -> Vec<CallRecord> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn begin(&self, id: CallId, name: &ToolName) -> CallInProgress {
        (self.events)(RunEvent::CallStarted { id, name: name.clone() });
        let record = CallRecord {
            id: Some(id),
            server: name.server.clone(),
            tool: name.tool.clone(),
            python_name: None,
            retries: 0,
            outcome: "cancelled".into(),
            ms: 0,
        };
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let place = calls.len();
        calls.push(record);
        drop(calls);
        CallInProgress { log: self.clone(), place, begun: Instant::now() }
    }
}

/// A call that is recorded as cancelled unless it comes to an end.
pub(crate) struct CallInProgress {
    log: CallLog,
    place: usize,
    begun: Instant,
}

impl CallInProgress {
    /// The call ended, with this error if it gave no value.
    pub(crate) fn end(self, outcome: Result<(), &CallError>) {
        self.set(outcome.map_or_else(CallError::code, |()| "ok"));
    }

    fn set(&self, code: &str) {
        let mut calls = self.log.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(record) = calls.get_mut(self.place) else { return };
        code.clone_into(&mut record.outcome);
        record.ms = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let ended = record.clone();
        drop(calls);
        (self.log.events)(RunEvent::CallEnded(ended));
    }
}
