//! The report of a run.

use exuvia_host::LogText;
use exuvia_tool::{CallRecord, Exhausted, HeldCall, Json, RunId};
use serde::{Deserialize, Serialize};

use crate::Limit;

/// The name of the outcome of a run, and of a call, that waits for an approval.
pub(crate) const AWAITING: &str = "awaiting-approval";

pub use exuvia_host::ScriptError;

/// What came of a run. Always whole: a run that was stopped still reports what it used, printed and called.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Report {
    /// How the run ended.
    pub outcome: Outcome,
    /// What the script printed.
    pub logs: LogText,
    /// The calls it made, in the order in which it made them.
    pub calls: Vec<CallRecord>,
    /// What it used.
    pub usage: Usage,
    /// What its author should know beside the outcome, a sentence each: from whoever had it run.
    pub notes: Vec<String>,
    /// The name under which whoever had it run finds its result and its calls again. None where nothing is kept of it.
    pub kept_as: Option<RunId>,
    /// Entries about it that whoever keeps the record of runs could not keep. None where there is no record.
    pub unrecorded: u64,
}

/// The one way in which a run ended.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Outcome {
    /// The script came to its end. Its result.
    Returned(Json),
    /// The script's own fault: an exception that it did not catch, a syntax error, an exit, a crash of the interpreter.
    Raised(ScriptError),
    /// A limit ended it.
    Stopped(LimitHit),
    /// A denied call left the script as an uncaught exception.
    Denied(ScriptError),
    /// These calls wait for an approval. Before that, nothing more of the script runs.
    AwaitingApproval(Vec<HeldCall>),
    /// A budget of whoever acts has not enough left: the script was not started.
    Exhausted(Exhausted),
    /// Somebody cancelled it.
    Cancelled,
    /// It was not run, because whoever had it run lacks something for the moment: the text says what, for whoever sent it and may send it
    /// again.
    Unavailable(String),
    /// It waited for an approval and cannot be brought back: the text says why.
    Void(String),
    /// The sandbox itself went wrong. The text is for the operator only.
    Fault(String),
}

/// Which limit ended a run, and how.
#[derive(Debug, Clone)]
pub struct LimitHit {
    /// The limit.
    pub limit: Limit,
    /// What happened and what to do about it, for the author of the script.
    pub message: String,
    /// The exception that came of it, if the script had a chance to meet one.
    pub error: Option<ScriptError>,
}

/// What a run used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Usage {
    /// Fuel. Of a run that was stopped by anything but `fuel` up to [`FUEL_SLICE`](exuvia_host::FUEL_SLICE) may be missing.
    pub fuel: u64,
    /// The largest size that the guest's memory reached, in bytes, the interpreter's own included.
    pub memory_bytes_peak: u64,
    /// From the start of the script to its end, in milliseconds.
    pub wall_ms: u64,
    /// Calls made.
    pub tool_calls: u64,
}

impl Outcome {
    /// The stable name of the case.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Returned(_) => "returned",
            Self::Raised(_) => "raised",
            Self::Stopped(_) => "stopped",
            Self::Denied(_) => "denied",
            Self::AwaitingApproval(_) => AWAITING,
            Self::Exhausted(_) => "budget-exhausted",
            Self::Cancelled => "cancelled",
            Self::Unavailable(_) => "unavailable",
            Self::Void(_) => "void",
            Self::Fault(_) => "fault",
        }
    }
}
