//! Journal entries.

use exuvia_tool::{ApprovalId, CallError, CallId, Cost, Json, Limits, Origin, Principal, RunId, ToolCall, ToolOutcome};
use serde::{Deserialize, Serialize};

use crate::{ApprovalChannel, ApprovalState, Reading};

/// One fact of the record: who did what, and for which run or call.
#[derive(Debug, Clone)]
pub struct Entry {
    /// On whose behalf.
    pub principal: Principal,
    /// The run, or the client's own call.
    pub origin: Origin,
    /// What happened.
    pub event: Event,
}

/// What happened in a run, or in a client's own call.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// A script was rejected: it is too large, invalid, not allowed, or was cancelled before it began. The entry holds its
    /// digest only, so that rejected scripts cannot fill the journal.
    RunRefused {
        /// The name of its outcome.
        outcome: String,
        /// The size of the script, in bytes.
        source_bytes: u64,
        /// The SHA-256 of the script, in lower-case hexadecimal digits. Empty if it was cancelled before it was read.
        source_sha256: String,
        /// Why, as its author was told. At most some kilobytes.
        reason: String,
        /// What it would have begun with. None: earlier programs did not record it.
        start: Option<Box<RefusedStart>>,
    },
    /// A script is about to run.
    RunStarted(Box<RunStart>),
    /// What the world gave a run so far, in the order in which the run met it; after an earlier entry of this kind its
    /// continuation.
    RunReadings(Vec<Reading>),
    /// A call is authorized and about to be dispatched. A call that is made again after a failure has one for each attempt.
    CallIntended {
        /// The call, with the arguments that will be sent.
        call: ToolCall,
        /// The arguments as the script wrote them, where they are others than those that are sent.
        written: Option<Json>,
        /// The rule that allowed it.
        rule: String,
        /// What it costs.
        cost: Cost,
    },
    /// A call was refused before anything left the gateway, or waits for an approval.
    CallRefused {
        /// The call as it was asked for.
        call: ToolCall,
        /// The [code](exuvia_tool::CallError::code) of the refusal, or `awaiting-approval`.
        code: String,
        /// What the script was told. None where it was told nothing.
        error: Option<CallError>,
        /// The rule that refused it, for the operator. Empty where no rule did.
        rule: String,
    },
    /// A call was answered from the record of an earlier run, and nothing left the gateway.
    CallReused {
        /// The call as it was asked for.
        call: ToolCall,
        /// The earlier run.
        of: RunId,
        /// The number of the call in that run.
        reused: CallId,
    },
    /// A dispatched call came back.
    CallEnded {
        /// The call's number.
        id: CallId,
        /// `ok`, or the [code](exuvia_tool::CallError::code) of its error.
        code: String,
        /// What came. None: a call that was dropped, or an answer that is not kept.
        outcome: Option<ToolOutcome>,
        /// The size of its value, in bytes of JSON.
        value_bytes: u64,
        /// From its intent to its end, in milliseconds.
        ms: u64,
    },
    /// A run waits for approvals, and has no instance any more.
    RunParked {
        /// The approvals that it waits for.
        held: Vec<ApprovalId>,
        /// What it used so far.
        usage: RunUsage,
    },
    /// A run that was parked goes on, in another instance, which has met all that is recorded before.
    RunResumed {
        /// What has become of the approvals that it waited for.
        approvals: Vec<(ApprovalId, ApprovalState)>,
        /// What the monotonic clock of the script shows, in nanoseconds: the time that it waited is not in it.
        monotonic_ns: u64,
    },
    /// Somebody answered an approval of the run: the entry's principal. The [store of approvals](crate::ApprovalStore) records it.
    ApprovalAnswered {
        /// The approval.
        approval: ApprovalId,
        /// The call that it is about. None: the start of the script.
        call: Option<CallId>,
        /// Whether it is approved.
        allowed: bool,
        /// By which way the answer came.
        channel: ApprovalChannel,
        /// The digest of what was shown.
        shown_sha256: String,
        /// Why, in the words of whoever answered.
        reason: Option<String>,
    },
    /// A run is over.
    RunEnded(Box<RunEnd>),
    /// Its private parts were erased, on behalf of the entry's principal. [Erasing](crate::StoreArchive::erase) records it: a journal takes
    /// no such entry.
    Erased,
}

/// What a run begins with.
#[derive(Debug, Clone, Default)]
pub struct RunStart {
    /// The script, byte for byte.
    pub source: String,
    /// The SHA-256 of the script, in lower-case hexadecimal digits.
    pub source_sha256: String,
    /// The profile that its client named, if it named one.
    pub profile: Option<String>,
    /// What the client says of itself.
    pub claims: ClientClaims,
    /// The trace that it belongs to, in lower-case hexadecimal digits.
    pub trace_id: Option<String>,
    /// Why it may run: `operator`, or the rules that list the tools that it names.
    pub rule: String,
    /// What the pre-pass has to say of it, a sentence each.
    pub findings: Vec<String>,
    /// Its limits.
    pub limits: Limits,
    /// The digest of the servers and tools that it sees: an [object](crate::Object).
    pub namespace_sha256: String,
    /// The digest of the policy at its start.
    pub policy_sha256: String,
    /// The digest of the guest that runs it.
    pub guest_sha256: String,
    /// The earlier run whose answers it takes as far as its calls are the same.
    pub repairs: Option<RunId>,
    /// Its place in a session. None: it is none of a session.
    pub session: Option<SessionScript>,
    /// The call that it answers, of a function. None: it is a script of its own.
    pub parent: Option<ParentCall>,
}

/// What a script that was rejected would have begun with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RefusedStart {
    /// The profile that its client named.
    pub profile: Option<String>,
    /// What its client says of itself.
    pub claims: ClientClaims,
    /// The trace that the request belongs to, in hexadecimal digits.
    pub trace_id: Option<String>,
    /// The digest of the policy that it was read by.
    pub policy_sha256: String,
}

/// The place of a script in a session: the scripts before it have left what it begins with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionScript {
    /// The session, as its client named it.
    pub name: String,
    /// Which script of the session it is, counted from 1. Those that were stopped do not count.
    pub index: u64,
    /// The run of the script before it. None: it is the first.
    pub after: Option<RunId>,
}

/// A call that a run answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParentCall {
    /// The run that made it.
    pub run: RunId,
    /// Its number in that run.
    pub call: CallId,
}

/// What a client says of itself: nobody has checked it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClientClaims {
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The request, as the client numbers it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The model that wrote the script.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

/// What came of a run.
#[derive(Debug, Clone, Default)]
pub struct RunEnd {
    /// The name of its outcome.
    pub outcome: String,
    /// The limit that stopped it, if one did.
    pub limit: Option<String>,
    /// What it returned.
    pub result: Option<Json>,
    /// The error that ended it.
    pub error: Option<RunError>,
    /// What it printed.
    pub log: String,
    /// How much more it printed than was kept, in bytes.
    pub log_dropped_bytes: u64,
    /// What it used.
    pub usage: RunUsage,
}

/// The error that ended a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunError {
    /// The class of the exception, or what stands for it.
    pub kind: String,
    /// Its message.
    pub message: String,
    /// The line of the script at fault, counted from 1.
    pub line: Option<u32>,
    /// The excerpt of the script around the lines at fault.
    pub traceback: String,
    /// How to repair the script.
    pub hint: Option<String>,
}

/// What a run used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunUsage {
    /// Units of fuel.
    pub fuel: u64,
    /// The largest size of the guest's memory, in bytes.
    pub memory_bytes_peak: u64,
    /// From its start to its end, in milliseconds.
    pub wall_ms: u64,
    /// Calls made.
    pub tool_calls: u64,
    /// What they cost.
    #[serde(default, skip_serializing_if = "Cost::is_zero")]
    pub cost: Cost,
    /// What the functions that a parked run has called used. Of a run that is over it is not kept: theirs have records of their own.
    #[serde(default, skip_serializing_if = "FunctionUsage::is_zero")]
    pub functions: FunctionUsage,
}

/// What functions used on behalf of the script that called them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionUsage {
    /// Units of fuel.
    pub fuel: u64,
    /// Calls made.
    pub tool_calls: u64,
}

impl FunctionUsage {
    /// Whether it is nothing.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }
}

impl Entry {
    /// About how much memory the entry takes, in bytes.
    pub(crate) fn size_bytes(&self) -> usize {
        self.event.text_bytes() + 2 * size_of::<Self>()
    }
}

impl Event {
    /// The stable name of the case.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::RunRefused { .. } => "run-refused",
            Self::RunStarted(_) => "run-started",
            Self::RunReadings(_) => "run-readings",
            Self::CallIntended { .. } => "call-intended",
            Self::CallRefused { .. } => "call-refused",
            Self::CallReused { .. } => "call-reused",
            Self::CallEnded { .. } => "call-ended",
            Self::RunParked { .. } => "run-parked",
            Self::RunResumed { .. } => "run-resumed",
            Self::ApprovalAnswered { .. } => "approval-answered",
            Self::RunEnded(_) => "run-ended",
            Self::Erased => "erased",
        }
    }

    /// The call that it is about, if it is about one.
    #[must_use]
    pub fn call_id(&self) -> Option<CallId> {
        match self {
            Self::CallIntended { call, .. } | Self::CallRefused { call, .. } | Self::CallReused { call, .. } => {
                Some(call.id)
            }
            Self::CallEnded { id, .. } => Some(*id),
            Self::ApprovalAnswered { call, .. } => *call,
            Self::RunRefused { .. }
            | Self::RunStarted(_)
            | Self::RunReadings(_)
            | Self::RunParked { .. }
            | Self::RunResumed { .. }
            | Self::RunEnded(_)
            | Self::Erased => None,
        }
    }

    /// Whether it records what is about to be done: without the record it is not.
    #[must_use]
    pub fn is_intent(&self) -> bool {
        matches!(self, Self::RunStarted(_) | Self::CallIntended { .. })
    }

    /// Whether it records something that was not done.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::RunRefused { .. } | Self::CallRefused { .. })
    }

    fn text_bytes(&self) -> usize {
        match self {
            Self::RunRefused { source_sha256, reason, start, .. } => {
                source_sha256.len() + reason.len() + start.as_ref().map_or(0, |start| start.size_bytes())
            }
            Self::RunStarted(start) => start.text_bytes(),
            Self::RunReadings(readings) => readings.iter().map(Reading::size_bytes).sum(),
            Self::CallIntended { call, written, rule, .. } => {
                call_bytes(call) + written.as_ref().map_or(0, Json::size_bytes) + rule.len()
            }
            Self::CallRefused { call, rule, error, .. } => {
                call_bytes(call) + rule.len() + error.as_ref().map_or(0, error_bytes)
            }
            Self::CallReused { call, .. } => call_bytes(call),
            Self::CallEnded { outcome, .. } => outcome.as_ref().map_or(0, outcome_bytes),
            Self::RunParked { held, .. } => held.iter().map(approval_bytes).sum(),
            Self::RunResumed { approvals, .. } => approvals.iter().map(|(id, _)| approval_bytes(id)).sum(),
            Self::ApprovalAnswered { approval, shown_sha256, reason, .. } => {
                approval_bytes(approval) + shown_sha256.len() + reason.as_ref().map_or(0, String::len)
            }
            Self::RunEnded(end) => end.text_bytes(),
            Self::Erased => 0,
        }
    }
}

impl RunStart {
    fn text_bytes(&self) -> usize {
        let findings: usize = self.findings.iter().map(String::len).sum();
        let session = self.session.as_ref().map_or(0, |session| session.name.len());
        size_of::<Self>() + self.source.len() + self.rule.len() + findings + session
    }
}

impl RefusedStart {
    fn size_bytes(&self) -> usize {
        let Self { profile, claims: ClientClaims { name, version, request_id, model }, trace_id, policy_sha256 } = self;
        let texts = [profile, name, version, request_id, model, trace_id].into_iter().flatten();
        size_of::<Self>() + texts.map(String::len).sum::<usize>() + policy_sha256.len()
    }
}

impl RunEnd {
    fn text_bytes(&self) -> usize {
        let error = self.error.as_ref().map_or(0, |error| error.message.len() + error.traceback.len());
        size_of::<Self>() + self.log.len() + self.result.as_ref().map_or(0, Json::size_bytes) + error
    }
}

fn approval_bytes(approval: &ApprovalId) -> usize {
    approval.as_str().len() + size_of::<ApprovalId>()
}

fn call_bytes(call: &ToolCall) -> usize {
    call.arguments.size_bytes() + call.name.server.len() + call.name.tool.len()
}

fn outcome_bytes(outcome: &ToolOutcome) -> usize {
    outcome.as_ref().map_or_else(error_bytes, Json::size_bytes)
}

pub(crate) fn error_bytes(error: &CallError) -> usize {
    match error {
        CallError::ToolFailed { message, data } => message.len() + data.as_ref().map_or(0, Json::size_bytes),
        CallError::UnknownTool(message)
        | CallError::InvalidArguments(message)
        | CallError::Denied(message)
        | CallError::UpstreamUnavailable(message) => message.len(),
        _ => 0,
    }
}

/// The place of an entry in its journal: later ones have higher numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seq(pub u64);

/// An entry as a journal keeps it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Stamped {
    /// Its place. The order is this one and not that of the times: a clock may be set back.
    pub seq: Seq,
    /// When it was appended, in milliseconds since the epoch, UTC.
    pub at_ms: u64,
    /// What was appended.
    pub entry: Entry,
}

impl Stamped {
    /// An entry at this place, appended at this time.
    #[must_use]
    pub fn new(seq: Seq, at_ms: u64, entry: Entry) -> Self {
        Self { seq, at_ms, entry }
    }
}
