//! What a replay answers a run from.

use std::time::Duration;

use exuvia_journal::{FileAsked, Reading};
use exuvia_tool::{CallId, HostBounds, NextWait, ToolCall, ToolOutcome};

use crate::departure::{Departure, NewCall};

/// Answers a run from a record.
pub(crate) trait Source: Send {
    /// The next reading, of this kind.
    fn reading(&mut self, kind: Kind) -> Result<Reading, Ending>;

    /// What a wait reports.
    fn wait(&mut self, outstanding: &[CallId]) -> Result<NextWait, Ending>;

    /// A sleep is over: time passes up to here on the run's clock, where no record says what the clock shows.
    fn slept_until(&mut self, deadline: Duration) {
        let _ = deadline;
    }

    /// What a call is answered. None: nothing, for as long as the run lasts.
    fn meet(&mut self, call: &ToolCall) -> Result<Option<ToolOutcome>, Ending>;

    /// How the call is bounded that the script makes now.
    fn bounds(&mut self, call: CallId) -> HostBounds;

    /// The run blocks until this call has its answer.
    fn blocked_on(&mut self, call: CallId) -> Result<(), Ending>;

    /// What of the record was not used, when the run has come to an end of its own.
    fn unused(&self) -> Option<Departure>;
}

/// What a run takes from the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    WallClock,
    MonotonicClock,
    /// So many bytes.
    Random(usize),
    Wait,
    Search,
    /// The answer to this request to the files of the run.
    File(FileAsked),
}

/// Why a replay ends before its script does.
#[derive(Debug, Clone)]
pub(crate) enum Ending {
    Departed(Box<Departure>),
    NewCall(NewCall),
    /// The record goes no further, and had no end.
    RecordOver,
    /// It came to the call that it was to stop at.
    ReachedCall(CallId),
}

impl From<Departure> for Ending {
    fn from(departure: Departure) -> Self {
        Self::Departed(Box::new(departure))
    }
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::WallClock => "the time of day",
            Self::MonotonicClock => "the run's clock",
            Self::Random(_) => "random bytes",
            Self::Wait => "the report of a wait",
            Self::Search => "the answer of a search",
            Self::File(_) => "the answer to a request to its files",
        }
    }

    pub(crate) fn is_of(self, reading: &Reading) -> bool {
        match (self, reading) {
            (Self::WallClock, Reading::WallClock(_))
            | (Self::MonotonicClock, Reading::MonotonicClock(_))
            | (Self::Wait, Reading::Delivered(_))
            | (Self::Search, Reading::Found(_)) => true,
            (Self::Random(bytes), Reading::Random(random)) => random.len() == bytes,
            (Self::File(asked), Reading::File { asked: recorded, .. }) => asked == *recorded,
            _ => false,
        }
    }
}

/// What a reading is, in words.
pub(crate) fn name_of(reading: &Reading) -> &'static str {
    match reading {
        Reading::WallClock(_) => Kind::WallClock.name(),
        Reading::MonotonicClock(_) => Kind::MonotonicClock.name(),
        Reading::Random(_) => Kind::Random(0).name(),
        Reading::Delivered(_) => Kind::Wait.name(),
        Reading::Found(_) => Kind::Search.name(),
        Reading::File { asked, .. } => Kind::File(*asked).name(),
        _ => "something else",
    }
}
