//! The record of a run as a replay reads it.

use std::collections::BTreeMap;
use std::time::Duration;

use exuvia_journal::{Cut, Event, FileBlocks, Reading, Record, RunEnd, RunStart};
use exuvia_tool::{CallError, CallId, FileValue, RunId, ToolCall, ToolName, ToolOutcome};

use crate::error::{NotReplayable, ReplayError};

/// The outcome of a call that waits for an approval.
const AWAITING: &str = "awaiting-approval";

/// What a journal has of a run, sorted by what it is.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RecordedRun {
    /// The run.
    pub id: RunId,
    /// What it began with.
    pub start: RunStart,
    /// How it ended. None: it goes on, or was cut off by a crash.
    pub end: Option<RunEnd>,
    /// Its calls, by number. One that the host failed before it was anywhere else is missing.
    pub calls: BTreeMap<CallId, RecordedCall>,
    /// What it took from the world, in order.
    pub(crate) readings: Vec<Reading>,
    /// Why it is not recorded to its end.
    pub(crate) cut: Option<Cut>,
    /// Where its clock stood at the end of the record.
    pub(crate) clock: Duration,
    /// The calls that the host failed, whatever their answers.
    pub(crate) host_failures: BTreeMap<CallId, CallError>,
}

/// One recorded call.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RecordedCall {
    /// The tool.
    pub name: ToolName,
    /// Its arguments, as the script wrote them.
    pub arguments: String,
    /// The line of the script that made it, as the guest said.
    pub line: Option<u32>,
    /// What became of it.
    pub state: CallState,
    /// Whether it was authorized and about to be sent, at least once.
    pub is_intended: bool,
}

/// What became of a recorded call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallState {
    /// The script was given this.
    Answered(ToolOutcome),
    /// It waits for an approval, and was not made.
    Held,
    /// It may have been made, and nobody knows what came of it.
    Unknown,
}

impl RecordedCall {
    /// Whether this is that call: the same tool with the same arguments, byte for byte.
    #[must_use]
    pub fn is(&self, name: &ToolName, arguments: &str) -> bool {
        self.name == *name && self.arguments == arguments
    }

    /// Whether it may have had an effect that nobody knows of: it was sent, and what came of it does not say.
    #[must_use]
    pub fn may_have_happened(&self) -> bool {
        let is_open = match &self.state {
            CallState::Unknown => true,
            CallState::Answered(Err(error)) => {
                matches!(error, CallError::TimedOut(_) | CallError::UpstreamUnavailable(_))
            }
            CallState::Answered(Ok(_)) | CallState::Held => false,
        };
        self.is_intended && is_open
    }
}

impl RecordedRun {
    /// Whether it asked its files for anything: a run without files cannot.
    pub(crate) fn has_files(&self) -> bool {
        self.readings.iter().any(|reading| matches!(reading, Reading::File { .. } | Reading::FileBlock { .. }))
    }

    /// Whether some of what its files answered is kept apart from its record.
    pub(crate) fn has_blocks(&self) -> bool {
        self.readings.iter().any(|reading| matches!(reading, Reading::FileBlock { .. }))
    }

    /// Takes what its files answered from where it is kept.
    ///
    /// # Errors
    ///
    /// It is not there any more, or was changed.
    pub(crate) fn add_blocks(&mut self, blocks: &mut FileBlocks) -> Result<(), ReplayError> {
        for reading in &mut self.readings {
            if let Reading::FileBlock { asked, sha256, .. } = reading {
                let bytes = blocks.get(sha256)?.ok_or(NotReplayable::NoFileContent)?;
                *reading = Reading::File { asked: *asked, answer: Ok(FileValue::Bytes(bytes)) };
            }
        }
        Ok(())
    }

    /// Reads a record.
    ///
    /// # Errors
    ///
    /// It is not that of a run, of one that started, or of one whose content is still there.
    pub fn of(record: &Record) -> Result<Self, NotReplayable> {
        let id = record.origin.run().ok_or(NotReplayable::NoRun)?.clone();
        if record.is_erased {
            return Err(NotReplayable::Erased);
        }
        let start = record.start().ok_or(NotReplayable::NotStarted)?.clone();
        let (readings, cut, clock, calls, host_failures) = Default::default();
        let mut run = Self { id, start, end: record.end().cloned(), calls, readings, cut, clock, host_failures };
        for stamped in &record.entries {
            run.read(&stamped.entry.event)?;
        }
        Ok(run)
    }

    fn read(&mut self, event: &Event) -> Result<(), NotReplayable> {
        match event {
            Event::RunReadings(readings) => readings.iter().for_each(|reading| self.take(reading)),
            Event::CallIntended { call, written, .. } => {
                let arguments = written.as_ref().map_or(call.arguments.as_str(), |written| written.as_str());
                self.asked(call, arguments, CallState::Unknown);
                self.calls.entry(call.id).and_modify(|call| call.is_intended = true);
            }
            Event::CallReused { call, .. } => self.asked(call, call.arguments.as_str(), CallState::Unknown),
            Event::CallRefused { call, code, error, .. } => {
                let state = match error {
                    Some(error) => CallState::Answered(Err(error.clone())),
                    // Somebody was asked anew about a call that was sent: that its outcome is unknown is not over by that.
                    None if code == AWAITING && self.is_unknown(call.id) => CallState::Unknown,
                    None if code == AWAITING => CallState::Held,
                    None => return Err(NotReplayable::NoAnswer(call.id)),
                };
                self.asked(call, call.arguments.as_str(), state);
            }
            Event::CallEnded { id, code, outcome, .. } => match outcome {
                Some(outcome) => self.came(*id, CallState::Answered(outcome.clone())),
                None if code == "ok" => return Err(NotReplayable::NoAnswer(*id)),
                None => self.came(*id, CallState::Unknown),
            },
            _ => {}
        }
        Ok(())
    }

    fn take(&mut self, reading: &Reading) {
        match reading {
            Reading::Failed(call, error) => {
                self.host_failures.insert(*call, error.clone());
            }
            Reading::Cut(cut) => self.cut = self.cut.or(Some(*cut)),
            other => {
                if let Reading::MonotonicClock(time) = other {
                    self.clock = self.clock.max(*time);
                }
                self.readings.push(other.clone());
            }
        }
    }

    /// A call that is made again after a failure has an entry for each attempt: the last one counts.
    fn asked(&mut self, call: &ToolCall, arguments: &str, state: CallState) {
        let (name, arguments) = (call.name.clone(), arguments.to_owned());
        let is_intended = self.calls.get(&call.id).is_some_and(|before| before.is_intended);
        self.calls.insert(call.id, RecordedCall { name, arguments, line: call.line, state, is_intended });
    }

    /// Whether a call was sent, and nobody knows what came of it.
    fn is_unknown(&self, call: CallId) -> bool {
        self.calls.get(&call).is_some_and(|call| call.is_intended && call.state == CallState::Unknown)
    }

    fn came(&mut self, id: CallId, state: CallState) {
        if let Some(call) = self.calls.get_mut(&id) {
            call.state = state;
        }
    }

    /// Whether its end follows from its record. It does not where time or a person ended it, or nothing that is known; nor where it was
    /// stopped for fuel that functions had used on its behalf.
    pub(crate) fn is_whole(&self) -> bool {
        self.end.as_ref().is_some_and(|end| match end.outcome.as_str() {
            "returned" | "raised" | "denied" => true,
            "stopped" => match end.limit.as_deref() {
                Some("wall_ms") => false,
                Some("fuel") => end.usage.fuel >= self.start.limits.fuel,
                _ => true,
            },
            _ => false,
        })
    }

    /// Whether the call was made and has no answer that is known: it is met again where the run goes on.
    #[must_use]
    pub fn is_open(&self, call: CallId) -> bool {
        let state = self.calls.get(&call).map(|call| &call.state);
        matches!(state, Some(CallState::Held | CallState::Unknown)) && !self.host_failures.contains_key(&call)
    }

    /// Whether the call gave the script a value.
    #[must_use]
    pub fn has_succeeded(&self, call: CallId) -> bool {
        let state = self.calls.get(&call).map(|call| &call.state);
        matches!(state, Some(CallState::Answered(Ok(_)))) && !self.host_failures.contains_key(&call)
    }
}
