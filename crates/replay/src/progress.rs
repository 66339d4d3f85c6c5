//! How far a replay is: what its run takes time and chance from, and what answers its calls.

use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use exuvia_journal::Reading;
use exuvia_tool::{CallId, HostBounds, NextWait, ToolCall, ToolOutcome, locked};
use tokio_util::sync::CancellationToken;

use crate::departure::Departure;
use crate::source::{Ending, Kind, Source};

/// A replay under way. Its run is cancelled at the first event that ends it.
pub(crate) struct Progress {
    source: Mutex<Box<dyn Source>>,
    ending: Mutex<Option<Ending>>,
    until_call: Option<CallId>,
    stop: CancellationToken,
}

impl Progress {
    pub(crate) fn new(source: Box<dyn Source>, until_call: Option<CallId>) -> Arc<Self> {
        let (ending, stop) = Default::default();
        Arc::new(Self { source: Mutex::new(source), ending, until_call, stop })
    }

    /// Cancelled when the replay ends before its script does.
    pub(crate) fn stop(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// What ended it before its script did.
    pub(crate) fn ending(&self) -> Option<Ending> {
        locked(&self.ending).clone()
    }

    /// What of the record was not used.
    pub(crate) fn unused(&self) -> Option<Departure> {
        locked(&self.source).unused()
    }

    /// The first ending counts: what a run does afterwards follows from none.
    fn end(&self, ending: Ending) {
        locked(&self.ending).get_or_insert(ending);
        self.stop.cancel();
    }

    fn or_end<T>(&self, answer: Result<T, Ending>) -> Option<T> {
        answer.map_err(|ending| self.end(ending)).ok()
    }

    /// The time, or zero in a run that has ended.
    pub(crate) fn time(&self, kind: Kind) -> Duration {
        match self.reading(kind) {
            Some(Reading::WallClock(time) | Reading::MonotonicClock(time)) => time,
            _ => Duration::ZERO,
        }
    }

    pub(crate) fn reading(&self, kind: Kind) -> Option<Reading> {
        let reading = locked(&self.source).reading(kind);
        self.or_end(reading)
    }

    pub(crate) fn wait(&self, outstanding: &[CallId]) -> NextWait {
        let wait = locked(&self.source).wait(outstanding);
        self.or_end(wait).unwrap_or(NextWait::Never)
    }

    pub(crate) fn slept_until(&self, deadline: Duration) {
        locked(&self.source).slept_until(deadline);
    }

    /// What a call is answered. None: nothing, for as long as the run lasts.
    pub(crate) fn meet(&self, call: &ToolCall) -> Option<ToolOutcome> {
        if self.until_call.is_some_and(|until| call.id >= until) {
            self.end(Ending::ReachedCall(call.id));
            return None;
        }
        let answer = locked(&self.source).meet(call);
        self.or_end(answer).flatten()
    }

    pub(crate) fn bounds(&self, call: CallId) -> HostBounds {
        locked(&self.source).bounds(call)
    }

    pub(crate) fn blocked_on(&self, call: CallId) {
        let blocked = locked(&self.source).blocked_on(call);
        self.or_end(blocked);
    }
}
