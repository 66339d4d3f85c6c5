//! The public part of a record: who did what, when, and what came of it.

use exuvia_tool::{CallError, Cost, Limits, Principal, ToolCall};
use serde::{Deserialize, Serialize};

use crate::hex::Digest;
use crate::{
    ApprovalChannel, ApprovalState, ClientClaims, Event, FunctionUsage, JournalError, JournalErrorKind, Reading,
    RefusedStart, RunUsage,
};

/// The newest version that this program reads. It writes each record in the oldest that can hold it.
pub(crate) const VERSION: u32 = 5;
/// The version that has costs, and refusals by a budget.
const COSTS: u32 = 2;
/// The version that has records of what was removed.
pub(crate) const REMOVALS: u32 = 2;
/// The version that has runs that wait for approvals.
const APPROVALS: u32 = 3;
/// The version that has what the files of a run answered.
const FILES: u32 = 4;
/// The version that keeps what was read of files apart, and says where a record was cut.
const BLOCKS: u32 = 5;
/// The version that has scripts of sessions.
const SESSIONS: u32 = 5;
/// The version that has runs that answer calls of others.
const PARENTS: u32 = 5;
/// The version that says of rejected scripts what they would have begun with.
const REFUSED_STARTS: u32 = 5;
/// The oldest version.
const OLDEST: u32 = 1;

/// The public part of a record, as JSON. Its bytes as stored are a leaf of the Merkle tree.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Head {
    /// The version of the format.
    pub(crate) v: u32,
    /// The place in the journal, counted from 1.
    pub(crate) seq: u64,
    /// In milliseconds since the epoch, UTC.
    pub(crate) at_ms: u64,
    pub(crate) principal: Principal,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) run: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) direct: Option<String>,
    pub(crate) event: HeadEvent,
    /// The digest of the key that bodies of the run are sealed with: in its first record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key_sha256: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) body: Option<BodyRef>,
}

/// What the head says of the private part.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BodyRef {
    /// The length of the sealed bytes.
    pub(crate) bytes: u64,
    /// The digest of the sealed bytes.
    pub(crate) sha256: Digest,
}

/// The public part of an event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum HeadEvent {
    RunRefused {
        outcome: String,
        source_bytes: u64,
        source_sha256: String,
        /// From version 5 on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        start: Option<Box<RefusedStartHead>>,
    },
    RunStarted(Box<StartHead>),
    RunReadings {
        count: u64,
    },
    CallIntended {
        call: CallHead,
        rule: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cost_micros: Option<u64>,
    },
    CallRefused {
        call: CallHead,
        code: String,
        rule: String,
    },
    CallReused {
        call: CallHead,
        of: String,
        reused: u64,
    },
    CallEnded {
        id: u64,
        code: String,
        value_bytes: u64,
        ms: u64,
    },
    /// From version 3 on.
    RunParked {
        held: Vec<String>,
        usage: UsageHead,
    },
    /// From version 3 on.
    RunResumed {
        approvals: Vec<(String, ApprovalState)>,
        monotonic_ns: u64,
    },
    /// From version 3 on. Whoever answered is the principal of this head.
    ApprovalAnswered {
        approval: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        call: Option<u64>,
        allowed: bool,
        channel: ApprovalChannel,
        shown_sha256: String,
    },
    RunEnded(EndHead),
    /// The private parts of the run or direct call were erased, on behalf of the principal of this head.
    Erased {},
    /// Retention removed the private parts of the runs and direct calls that begin at these places or between them: so many of them, and
    /// the others were erased before. It belongs to none of them.
    Expired {
        first: u64,
        last: u64,
        runs: u64,
        by: ExpiredBy,
    },
}

/// The bound of retention that was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ExpiredBy {
    Age,
    Size,
}

impl Head {
    /// Whether the private part may name blocks of files.
    pub(crate) fn may_name_blocks(&self) -> bool {
        self.v >= BLOCKS && self.body.is_some() && matches!(self.event, HeadEvent::RunReadings { .. })
    }
}

impl HeadEvent {
    /// The stable name of the case: that of [`Event::kind`](crate::Event::kind).
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::RunRefused { .. } => "run-refused",
            Self::RunStarted(_) => "run-started",
            Self::RunReadings { .. } => "run-readings",
            Self::CallIntended { .. } => "call-intended",
            Self::CallRefused { .. } => "call-refused",
            Self::CallReused { .. } => "call-reused",
            Self::CallEnded { .. } => "call-ended",
            Self::RunParked { .. } => "run-parked",
            Self::RunResumed { .. } => "run-resumed",
            Self::ApprovalAnswered { .. } => "approval-answered",
            Self::RunEnded(_) => "run-ended",
            Self::Erased {} => "erased",
            Self::Expired { .. } => "expired",
        }
    }
}

/// The public part of the start of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StartHead {
    pub(crate) source_bytes: u64,
    pub(crate) source_sha256: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) profile: Option<String>,
    #[serde(default)]
    pub(crate) claims: ClaimsHead,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) trace_id: Option<String>,
    pub(crate) rule: String,
    pub(crate) limits: LimitsHead,
    pub(crate) namespace_sha256: String,
    pub(crate) policy_sha256: String,
    pub(crate) guest_sha256: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) repairs: Option<String>,
    /// From version 5 on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) session: Option<SessionHead>,
    /// From version 5 on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) parent: Option<ParentHead>,
}

/// The public part of what a script that was rejected would have begun with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefusedStartHead {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) profile: Option<String>,
    #[serde(default)]
    pub(crate) claims: ClaimsHead,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) trace_id: Option<String>,
    pub(crate) policy_sha256: String,
}

/// The place of a script in a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SessionHead {
    pub(crate) name: String,
    pub(crate) index: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) after: Option<String>,
}

/// The call that a run answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ParentHead {
    pub(crate) run: String,
    pub(crate) call: u64,
}

/// What the client says of itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClaimsHead {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) request_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) model: Option<String>,
}

/// The public part of a call: all but its arguments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CallHead {
    pub(crate) id: u64,
    pub(crate) server: String,
    pub(crate) tool: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) line: Option<u32>,
    pub(crate) arguments_bytes: u64,
}

/// The public part of the end of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EndHead {
    pub(crate) outcome: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) limit: Option<String>,
    pub(crate) log_dropped_bytes: u64,
    pub(crate) fuel: u64,
    pub(crate) memory_bytes_peak: u64,
    pub(crate) wall_ms: u64,
    pub(crate) tool_calls: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cost_micros: Option<u64>,
}

/// What a run used so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UsageHead {
    pub(crate) fuel: u64,
    pub(crate) memory_bytes_peak: u64,
    pub(crate) wall_ms: u64,
    pub(crate) tool_calls: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cost_micros: Option<u64>,
    /// From version 5 on.
    #[serde(default, skip_serializing_if = "FunctionUsage::is_zero")]
    pub(crate) functions: FunctionUsage,
}

/// The limits of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LimitsHead {
    pub(crate) fuel: u64,
    pub(crate) wall_ms: u64,
    pub(crate) memory_bytes: u64,
    pub(crate) tool_calls: u64,
    pub(crate) concurrent_calls: u64,
    pub(crate) call_timeout_ms: u64,
    pub(crate) call_arguments_bytes: u64,
    pub(crate) call_result_bytes: u64,
    pub(crate) buffered_bytes: u64,
    pub(crate) log_bytes: u64,
    pub(crate) result_bytes: u64,
    pub(crate) source_bytes: u64,
}

/// The one field that every version has.
#[derive(Deserialize)]
struct Version {
    v: u32,
}

impl Head {
    /// Reads a stored head.
    ///
    /// # Errors
    ///
    /// A newer program wrote it, or it is malformed.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, JournalError> {
        match serde_json::from_slice::<Self>(bytes) {
            Ok(head) if !head.is_known() => Err(refusal(bytes, None)),
            Ok(head) if head.is_in_place() => Ok(head),
            Ok(_) => Err(malformed("a record belongs to a run or to a direct call")),
            parsed => Err(refusal(bytes, parsed.err())),
        }
    }

    fn is_known(&self) -> bool {
        (OLDEST..=VERSION).contains(&self.v)
    }

    /// Whether it belongs to a run or to a direct call, or is of the kind that belongs to neither.
    fn is_in_place(&self) -> bool {
        let owners = usize::from(self.run.is_some()) + usize::from(self.direct.is_some());
        owners == usize::from(!matches!(self.event, HeadEvent::Expired { .. }))
    }

    /// The id of the run or direct call. Empty: it belongs to none.
    pub(crate) fn id(&self) -> &str {
        self.run.as_deref().or(self.direct.as_deref()).unwrap_or_default()
    }

    /// The head as it is stored, but for its beginning with version and place: the place is known when it is written.
    ///
    /// # Errors
    ///
    /// None that can occur: all keys are texts.
    pub(crate) fn without_seq(&self) -> Result<Vec<u8>, JournalError> {
        let mut text = serde_json::to_vec(self).map_err(malformed)?;
        text.drain(..prefix(self.v, self.seq).len());
        Ok(text)
    }
}

/// The stored bytes of a head of this version at this place.
pub(crate) fn at_seq(without_seq: &[u8], version: u32, seq: u64) -> Vec<u8> {
    [prefix(version, seq).as_bytes(), without_seq].concat()
}

fn prefix(version: u32, seq: u64) -> String {
    format!("{{\"v\":{version},\"seq\":{seq}")
}

/// The version of the record of an event: the oldest that can hold it.
pub(crate) fn version_of(event: &Event) -> u32 {
    let has_costs = match event {
        Event::RunReadings(readings) => return readings.iter().map(reading_version).max().unwrap_or(OLDEST),
        Event::RunRefused { start: Some(_), .. } => return REFUSED_STARTS,
        Event::RunStarted(start) if start.session.is_some() => return SESSIONS,
        Event::RunStarted(start) if start.parent.is_some() => return PARENTS,
        Event::RunParked { usage, .. } if !usage.functions.is_zero() => return PARENTS,
        Event::RunParked { .. } | Event::RunResumed { .. } | Event::ApprovalAnswered { .. } => return APPROVALS,
        Event::Erased => return REMOVALS,
        Event::CallIntended { cost, .. } => !cost.is_zero(),
        Event::CallRefused { error, .. } => matches!(error, Some(CallError::Exhausted(_))),
        Event::CallEnded { outcome: Some(Err(error)), .. } => matches!(error, CallError::Exhausted(_)),
        Event::RunEnded(end) => !end.usage.cost.is_zero(),
        _ => false,
    };
    if has_costs { COSTS } else { OLDEST }
}

fn reading_version(reading: &Reading) -> u32 {
    match reading {
        Reading::FileBlock { .. } | Reading::Cut(_) => BLOCKS,
        Reading::File { .. } if reading.file_block().is_some() => BLOCKS,
        Reading::File { .. } => FILES,
        _ => OLDEST,
    }
}

/// A cost as it is written. None: nothing.
pub(crate) fn micros(cost: Cost) -> Option<u64> {
    (!cost.is_zero()).then(|| cost.micros())
}

/// A cost as it is read.
pub(crate) fn cost(micros: Option<u64>) -> Cost {
    micros.map_or(Cost::ZERO, Cost::from_micros)
}

fn refusal(bytes: &[u8], error: Option<serde_json::Error>) -> JournalError {
    match (serde_json::from_slice::<Version>(bytes), error) {
        (Ok(Version { v }), _) if !(OLDEST..=VERSION).contains(&v) => JournalError::new(JournalErrorKind::Newer)
            .caused_by(format!("a record has version {v}, this program reads up to {VERSION}")),
        (_, Some(error)) => malformed(error),
        _ => malformed("a record has no version"),
    }
}

/// A stored record that cannot be read.
pub(crate) fn malformed(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> JournalError {
    JournalError::new(JournalErrorKind::Malformed).caused_by(cause)
}

impl CallHead {
    pub(crate) fn of(call: &ToolCall) -> Self {
        let (server, tool) = (call.name.server.clone(), call.name.tool.clone());
        let arguments_bytes = call.arguments.size_bytes() as u64;
        Self { id: call.id.0, server, tool, line: call.line, arguments_bytes }
    }
}

impl From<&ClientClaims> for ClaimsHead {
    fn from(claims: &ClientClaims) -> Self {
        let ClientClaims { name, version, request_id, model } = claims.clone();
        Self { name, version, request_id, model }
    }
}

impl From<ClaimsHead> for ClientClaims {
    fn from(claims: ClaimsHead) -> Self {
        let ClaimsHead { name, version, request_id, model } = claims;
        Self { name, version, request_id, model }
    }
}

impl From<&RefusedStart> for RefusedStartHead {
    fn from(start: &RefusedStart) -> Self {
        let RefusedStart { profile, claims, trace_id, policy_sha256 } = start.clone();
        Self { profile, claims: (&claims).into(), trace_id, policy_sha256 }
    }
}

impl From<RefusedStartHead> for RefusedStart {
    fn from(start: RefusedStartHead) -> Self {
        let RefusedStartHead { profile, claims, trace_id, policy_sha256 } = start;
        Self { profile, claims: claims.into(), trace_id, policy_sha256 }
    }
}

impl From<&Limits> for LimitsHead {
    fn from(limits: &Limits) -> Self {
        Self {
            fuel: limits.fuel,
            wall_ms: limits.wall_ms,
            memory_bytes: limits.memory_bytes,
            tool_calls: limits.tool_calls,
            concurrent_calls: limits.concurrent_calls as u64,
            call_timeout_ms: limits.call_timeout_ms,
            call_arguments_bytes: limits.call_arguments_bytes as u64,
            call_result_bytes: limits.call_result_bytes as u64,
            buffered_bytes: limits.buffered_bytes as u64,
            log_bytes: limits.log_bytes as u64,
            result_bytes: limits.result_bytes as u64,
            source_bytes: limits.source_bytes as u64,
        }
    }
}

impl From<LimitsHead> for Limits {
    fn from(limits: LimitsHead) -> Self {
        let size = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        Self {
            fuel: limits.fuel,
            wall_ms: limits.wall_ms,
            memory_bytes: limits.memory_bytes,
            tool_calls: limits.tool_calls,
            concurrent_calls: size(limits.concurrent_calls),
            call_timeout_ms: limits.call_timeout_ms,
            call_arguments_bytes: size(limits.call_arguments_bytes),
            call_result_bytes: size(limits.call_result_bytes),
            buffered_bytes: size(limits.buffered_bytes),
            log_bytes: size(limits.log_bytes),
            result_bytes: size(limits.result_bytes),
            source_bytes: size(limits.source_bytes),
            // No replay waits for anybody.
            ..Self::default()
        }
    }
}

impl From<&RunUsage> for UsageHead {
    fn from(usage: &RunUsage) -> Self {
        let RunUsage { fuel, memory_bytes_peak, wall_ms, tool_calls, cost, functions } = *usage;
        Self { fuel, memory_bytes_peak, wall_ms, tool_calls, cost_micros: micros(cost), functions }
    }
}

impl From<UsageHead> for RunUsage {
    fn from(usage: UsageHead) -> Self {
        let UsageHead { fuel, memory_bytes_peak, wall_ms, tool_calls, cost_micros, functions } = usage;
        Self { fuel, memory_bytes_peak, wall_ms, tool_calls, cost: cost(cost_micros), functions }
    }
}

impl EndHead {
    pub(crate) fn usage(&self) -> RunUsage {
        let Self { fuel, memory_bytes_peak, wall_ms, tool_calls, cost_micros, .. } = *self;
        let functions = FunctionUsage::default();
        RunUsage { fuel, memory_bytes_peak, wall_ms, tool_calls, cost: cost(cost_micros), functions }
    }
}
