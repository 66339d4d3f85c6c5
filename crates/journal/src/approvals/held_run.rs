//! A run that waits for approvals.

use exuvia_tool::{Principal, RunId};

use super::ScriptCall;

/// A run that begins to wait for approvals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldRun {
    /// The run, whose start the journal has recorded.
    pub run: RunId,
    /// Who made it.
    pub principal: Principal,
    /// The role of the principal. None: the operator.
    pub role: Option<String>,
    /// The profile that its client named, if it named one.
    pub profile: Option<String>,
    /// The script, byte for byte.
    pub script: String,
    /// The SHA-256 of the script, in lower-case hexadecimal digits.
    pub script_sha256: String,
    /// The tools that the script may call.
    pub calls: Vec<ScriptCall>,
    /// What cannot be predicted of the script, a sentence each.
    pub unpredicted: Vec<String>,
    /// Which process has it.
    pub lease: Lease,
}

/// Which process has a run: no other brings it back until then, or until it is [released](super::ApprovalStore::release).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The process, by a name that no other has and that it loses when it ends.
    pub holder: String,
    /// Until when, in milliseconds since the epoch.
    pub until_ms: u64,
}

/// A run that waits for approvals, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingRun {
    /// The run.
    pub run: RunId,
    /// Who made it.
    pub principal: Principal,
    /// The role of the principal when the run was made. None: the operator.
    pub role: Option<String>,
    /// The profile that its client named, if it named one.
    pub profile: Option<String>,
    /// How far it has come.
    pub state: WaitingState,
    /// Since when it waits, in milliseconds since the epoch: since its newest approval was asked.
    pub since_ms: u64,
    /// How often it was [claimed](super::ApprovalStore::claim).
    pub claims: u64,
    /// Which process has it. None: none.
    pub lease: Option<Lease>,
    /// Its approvals that are pending.
    pub pending: u64,
    /// Its approvals that were answered, or have expired, and that it has not [seen](super::ApprovalStore::release).
    pub answered: u64,
}

/// How far a run that waits for approvals has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WaitingState {
    /// A process has, or had, its instance.
    Held,
    /// It has no instance: whoever [claims](super::ApprovalStore::claim) it brings it back.
    Parked,
    /// It waits no more.
    Done,
    /// It cannot be brought back, for this reason.
    Void(String),
}

impl WaitingState {
    /// Whether the run waits, or is about to go on.
    #[must_use]
    pub fn goes_on(&self) -> bool {
        matches!(self, Self::Held | Self::Parked)
    }

    /// The stable name of the state.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Parked => "parked",
            Self::Done => "done",
            Self::Void(_) => "void",
        }
    }
}
