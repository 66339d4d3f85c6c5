//! The same run again: every event as it is recorded, at its place.

use std::collections::BTreeSet;
use std::sync::Arc;

use exuvia_journal::Reading;
use exuvia_tool::{CallId, HostBounds, NextWait, ToolCall, ToolOutcome};

use crate::departure::Departure;
use crate::recorded_run::{CallState, RecordedRun};
use crate::source::{Ending, Kind, Source, name_of};

/// Answers from a record, and ends at the first event that is not in it.
pub(crate) struct Strict {
    run: Arc<RecordedRun>,
    /// How many readings were taken.
    taken: usize,
    /// The calls that the script made, whether they have had their turns or not.
    made: BTreeSet<CallId>,
    /// Calls that were made and have no answer.
    unanswered: BTreeSet<CallId>,
    /// The call that the run blocks on.
    blocked_on: Option<CallId>,
}

impl Strict {
    pub(crate) fn new(run: Arc<RecordedRun>) -> Self {
        Self { run, taken: 0, made: BTreeSet::new(), unanswered: BTreeSet::new(), blocked_on: None }
    }

    /// The end of a replay that meets what the record does not have.
    fn beyond(&self, departure: Departure) -> Ending {
        if self.run.is_whole() { departure.into() } else { Ending::RecordOver }
    }

    fn stuck(&self, call: CallId) -> Result<(), Ending> {
        match self.blocked_on == Some(call) && self.unanswered.contains(&call) {
            true => Err(self.beyond(Departure::NoAnswer { call })),
            false => Ok(()),
        }
    }
}

impl Source for Strict {
    fn reading(&mut self, kind: Kind) -> Result<Reading, Ending> {
        let number = self.taken + 1;
        let replayed = Some(kind.name());
        match self.run.readings.get(self.taken) {
            Some(reading) if kind.is_of(reading) => {
                self.taken = number;
                Ok(reading.clone())
            }
            Some(other) => {
                let recorded = Some(name_of(other));
                Err(Departure::Reading { number, recorded, replayed }.into())
            }
            None => Err(self.beyond(Departure::Reading { number, recorded: None, replayed })),
        }
    }

    fn wait(&mut self, outstanding: &[CallId]) -> Result<NextWait, Ending> {
        let Reading::Delivered(calls) = self.reading(Kind::Wait)? else { return Ok(NextWait::Never) };
        match calls.iter().find(|call| outstanding.binary_search(call).is_err()) {
            None => Ok(NextWait::Recorded(calls)),
            Some(&call) => Err(Departure::NoAnswer { call }.into()),
        }
    }

    fn meet(&mut self, call: &ToolCall) -> Result<Option<ToolOutcome>, Ending> {
        let replayed = || (call.name.clone(), call.arguments.as_str().to_owned());
        let departure = |recorded| Departure::Call { call: call.id, recorded, replayed: replayed(), line: call.line };
        let recorded = self.run.calls.get(&call.id);
        if let Some(other) = recorded.filter(|recorded| !recorded.is(&call.name, call.arguments.as_str())) {
            return Err(departure(Some((other.name.clone(), other.arguments.clone()))).into());
        }
        if let Some(error) = self.run.host_failures.get(&call.id) {
            // The host failed it, whatever came of it, and will again.
            return Ok(Some(Err(error.clone())));
        }
        match recorded.map(|recorded| &recorded.state) {
            Some(CallState::Answered(outcome)) => Ok(Some(outcome.clone())),
            Some(CallState::Held | CallState::Unknown) => {
                self.unanswered.insert(call.id);
                self.stuck(call.id).map(|()| None)
            }
            None => {
                // It may be one that had no turn before the run ended: then nobody waits for it.
                self.unanswered.insert(call.id);
                if self.blocked_on == Some(call.id) { Err(self.beyond(departure(None))) } else { Ok(None) }
            }
        }
    }

    fn bounds(&mut self, call: CallId) -> HostBounds {
        self.made.insert(call);
        self.run.host_failures.get(&call).map_or(HostBounds::Passed, |error| HostBounds::Failed(error.clone()))
    }

    fn blocked_on(&mut self, call: CallId) -> Result<(), Ending> {
        self.blocked_on = Some(call);
        self.stuck(call)
    }

    fn unused(&self) -> Option<Departure> {
        let not_made = self.run.calls.iter().find(|(id, _)| !self.made.contains(id));
        if let Some((&call, recorded)) = not_made {
            return Some(Departure::CallNotMade { call, name: recorded.name.clone() });
        }
        let left = self.run.readings.get(self.taken)?;
        Some(Departure::Reading { number: self.taken + 1, recorded: Some(name_of(left)), replayed: None })
    }
}
