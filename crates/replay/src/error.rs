//! Why a run cannot be replayed.

use std::error::Error;
use std::fmt;

use exuvia_journal::{Cut, JournalError};
use exuvia_tool::{CallId, RunId};

use crate::recorded_size::{MAX_FILE_BYTES, MAX_READINGS_BYTES};

/// Why a run cannot be replayed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotReplayable {
    /// The journal has nothing of this name, or no more.
    Unknown,
    /// It is a client's own call.
    NoRun,
    /// The script was refused before it started.
    NotStarted,
    /// Its content was erased.
    Erased,
    /// Its journal does not keep what a replay needs.
    NoReadings,
    /// The servers and tools that it saw are not kept: the digest.
    NoNamespace(String),
    /// What is kept under this digest is no namespace.
    BadNamespace(String),
    /// The answer of this call is not kept.
    NoAnswer(CallId),
    /// It is not recorded to its end.
    Cut(Cut),
    /// What it read of its files is not kept.
    NoFileContent,
    /// The sandbox itself failed in it.
    Fault,
    /// It is over: there is nothing to bring back.
    Over,
    /// It is a script of a session, and those before it are not at hand.
    SessionAlone,
    /// It is a script of a session with too many before it.
    SessionTooLong,
    /// A script of its session that was before it departs from its record.
    SessionDeparted {
        /// The script's run.
        run: RunId,
        /// Where.
        departure: String,
    },
    /// Its scripts need more fuel to be run again.
    RevivalFuel {
        /// What is allowed.
        allowed: u64,
    },
    /// There is no memory for it at the moment.
    NoRoom,
    /// The engine has another guest.
    OtherGuest {
        /// The digest of the guest that ran it.
        recorded: String,
        /// The digest of the engine's.
        present: String,
    },
    /// The guest that ran it is not kept: the digest.
    GuestNotKept(String),
    /// The guest that ran it is kept, and this program cannot run it.
    UnusableGuest {
        /// The digest of the guest.
        sha256: String,
        /// Why not.
        why: String,
    },
    /// The engine gives a run less memory than it had.
    LessMemory {
        /// What it had, in bytes.
        recorded: u64,
        /// What the engine gives, in bytes.
        present: u64,
    },
}

impl fmt::Display for NotReplayable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("no run of this id in the journal"),
            Self::NoRun => f.write_str("not replayable: a client's own call and not a run"),
            Self::NotStarted => f.write_str("not replayable: the script was refused before it started"),
            Self::Erased => f.write_str("not replayable: its content was erased"),
            Self::NoReadings => f.write_str(
                "not replayable: recorded by a journal that does not keep readings; configure one that does",
            ),
            Self::NoNamespace(digest) => {
                write!(f, "not replayable: the servers and tools that it saw ({digest}) are no longer in the journal")
            }
            Self::BadNamespace(digest) => write!(f, "not replayable: the kept namespace {digest} cannot be read"),
            Self::NoAnswer(call) => write!(f, "not replayable: the answer of call {} is not in the journal", call.0),
            Self::Cut(cut) => write!(f, "not replayable: {}", cut_reason(*cut)),
            Self::NoFileContent => f.write_str("not replayable: what it read of its files is not in the journal"),
            Self::Fault => f.write_str("not replayable: the sandbox itself failed in this run"),
            Self::Over => f.write_str("the run is over"),
            Self::SessionAlone => f.write_str("not replayable: a script of a session, and those before it are needed"),
            Self::SessionTooLong => f.write_str("not replayable: too many scripts of its session were before it"),
            Self::SessionDeparted { run, departure } => {
                write!(f, "not replayable: run {run}, a script of its session that was before it: {departure}")
            }
            Self::RevivalFuel { allowed } => {
                write!(f, "running its scripts again takes more than {allowed} units of fuel (`revival_fuel`)")
            }
            Self::NoRoom => f.write_str("there is no memory for a replay at the moment: try again later"),
            Self::OtherGuest { recorded, present } => write!(
                f,
                "not replayable with this guest ({present}): the run was made with guest {recorded}; replay it with that guest, or \
                 allow another one to see what changes"
            ),
            Self::GuestNotKept(digest) => {
                write!(f, "not replayable: made with guest {digest}, which the journal has not kept")
            }
            Self::UnusableGuest { sha256, why } => {
                write!(f, "not replayable: made with guest {sha256}, which this program cannot run: {why}")
            }
            Self::LessMemory { recorded, present } => write!(
                f,
                "not replayable here: the run had {recorded} bytes of memory and this engine gives {present}; raise its memory for runs"
            ),
        }
    }
}

fn cut_reason(cut: Cut) -> String {
    match cut {
        Cut::Files => format!("it read more than {} MiB of different data from its files", MAX_FILE_BYTES >> 20),
        Cut::Readings => format!("it took more than {} MiB of readings from the world", MAX_READINGS_BYTES >> 20),
        _ => "the journal had no room for what it took from the world".to_owned(),
    }
}

impl Error for NotReplayable {}

/// A run could not be read from its journal, or cannot be replayed.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReplayError {
    /// The run cannot be replayed.
    NotReplayable(NotReplayable),
    /// The journal cannot be read.
    Journal(JournalError),
}

impl fmt::Display for ReplayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotReplayable(reason) => reason.fmt(f),
            Self::Journal(error) => error.fmt(f),
        }
    }
}

impl Error for ReplayError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::NotReplayable(_) => None,
            Self::Journal(error) => error.source(),
        }
    }
}

impl From<NotReplayable> for ReplayError {
    fn from(reason: NotReplayable) -> Self {
        Self::NotReplayable(reason)
    }
}

impl From<JournalError> for ReplayError {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}
