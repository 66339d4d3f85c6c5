//! One approval: what is asked, of whom, and what the answer was.

use std::fmt;

use exuvia_tool::{ApprovalId, CallId, Principal, RunId, ToolName};
use serde::{Deserialize, Serialize};

use super::shown;

/// The question whether one call may be made, or one script may start, with its answer: all but its [content](ApprovalContent).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// Its id.
    pub id: ApprovalId,
    /// The run that waits.
    pub run: RunId,
    /// Who made the run.
    pub principal: Principal,
    /// The role of the principal when the run was made. None: the operator.
    pub role: Option<String>,
    /// The profile that its client named, if it named one.
    pub profile: Option<String>,
    /// The call. None: the start of the script.
    pub call: Option<CallId>,
    /// The tool. None: the start of the script.
    pub tool: Option<ToolName>,
    /// The line of the script that made the call, counted from 1, as the guest says.
    pub line: Option<u32>,
    /// The rule that asks.
    pub rule: String,
    /// The size of the arguments, in bytes of JSON.
    pub arguments_bytes: u64,
    /// The SHA-256 of the canonical form of the arguments, in lower-case hexadecimal digits. Empty for the start of the script.
    pub arguments_sha256: String,
    /// The SHA-256 of the script, in lower-case hexadecimal digits.
    pub script_sha256: String,
    /// The digest of the tool's definition. None: its definitions are not pinned, or it is the start of the script.
    pub tool_sha256: Option<String>,
    /// The call was sent before, and what came of it is unknown: it may have happened.
    pub may_have_happened: bool,
    /// When it was asked, in milliseconds since the epoch.
    pub created_ms: u64,
    /// Until when it can be answered and used, in milliseconds since the epoch.
    pub expires_ms: u64,
    /// The SHA-256 of all that is asked, in lower-case hexadecimal digits: an [answer](ApprovalAnswer) names it, so that it covers nothing else.
    pub shown_sha256: String,
    /// How far it has come.
    pub state: ApprovalState,
    /// Who answered, and how. None: nobody.
    pub answer: Option<ApprovalAnswer>,
    /// When it was used, in milliseconds since the epoch.
    pub used_ms: Option<u64>,
    /// Why it is void.
    pub void_reason: Option<String>,
    /// The version of all approvals when it was written last.
    pub version: u64,
}

/// How far an approval has come. Only what is pending can be answered, and only what is approved can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ApprovalState {
    /// Nobody has answered.
    Pending,
    /// Somebody approved, and the call is not made yet.
    Approved,
    /// Somebody denied.
    Denied,
    /// Nobody answered in time, or the call was not made in time.
    Expired,
    /// The call is made, or about to be.
    Used,
    /// The run cannot go on, or is over.
    Void,
}

impl ApprovalState {
    /// The stable name of the state.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Used => "used",
            Self::Void => "void",
        }
    }

    /// The state of this name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        let all = [Self::Pending, Self::Approved, Self::Denied, Self::Expired, Self::Used, Self::Void];
        all.into_iter().find(|state| state.name() == name)
    }

    /// Whether something may still come of it.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::Approved)
    }
}

impl fmt::Display for ApprovalState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An answer to an approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalAnswer {
    /// Who answered.
    pub by: Principal,
    /// By which way.
    pub channel: ApprovalChannel,
    /// When, in milliseconds since the epoch.
    pub at_ms: u64,
    /// Why, in the words of whoever answered. At most [`MAX_REASON_BYTES`](super::MAX_REASON_BYTES).
    pub reason: Option<String>,
    /// [`Approval::shown_sha256`] of what was shown.
    pub shown_sha256: String,
}

/// By which way an answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ApprovalChannel {
    /// The page in a browser.
    Page,
    /// The command line.
    Cli,
    /// The API.
    Api,
    /// The client that the run's script came from.
    Elicitation,
    /// A webhook's receiver.
    Webhook,
}

impl ApprovalChannel {
    /// The stable name of the channel.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Cli => "cli",
            Self::Api => "api",
            Self::Elicitation => "elicitation",
            Self::Webhook => "webhook",
        }
    }

    /// The channel of this name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        let all = [Self::Page, Self::Cli, Self::Api, Self::Elicitation, Self::Webhook];
        all.into_iter().find(|channel| channel.name() == name)
    }
}

/// What an approval is about, which is gone when the run is erased.
#[derive(Clone, PartialEq, Eq)]
pub struct ApprovalContent {
    /// The arguments, byte for byte as they will be sent. Empty for the start of the script.
    pub arguments: String,
    /// The script, byte for byte.
    pub script: String,
    /// The tools that the script may call.
    pub calls: Vec<ScriptCall>,
    /// What cannot be predicted of the script, a sentence each.
    pub unpredicted: Vec<String>,
}

/// A tool that a script may call, with the lines that do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScriptCall {
    /// The tool.
    pub tool: ToolName,
    /// The lines, counted from 1.
    pub lines: Vec<u32>,
    /// Whether its calls need an approval of their own.
    pub needs_approval: bool,
}

/// An approval that is asked.
#[derive(Clone, PartialEq, Eq)]
pub struct NewApproval {
    /// Its id: a new ULID.
    pub id: ApprovalId,
    /// The call. None: the start of the script.
    pub call: Option<CallId>,
    /// The tool. None: the start of the script.
    pub tool: Option<ToolName>,
    /// The arguments, byte for byte as they will be sent. Empty for the start of the script.
    pub arguments: String,
    /// The SHA-256 of their canonical form, in lower-case hexadecimal digits. Empty for the start of the script.
    pub arguments_sha256: String,
    /// The digest of the tool's definition, if it is pinned.
    pub tool_sha256: Option<String>,
    /// The line of the script that made the call, counted from 1, as the guest says.
    pub line: Option<u32>,
    /// The rule that asks.
    pub rule: String,
    /// The call was sent before, and what came of it is unknown.
    pub may_have_happened: bool,
    /// When it is asked, in milliseconds since the epoch.
    pub created_ms: u64,
    /// Until when it can be answered and used, in milliseconds since the epoch.
    pub expires_ms: u64,
}

impl Approval {
    /// What is kept of an approval that is asked for a run.
    pub(super) fn asked(run: &super::HeldRun, new: &NewApproval) -> Self {
        let mut asked = Self {
            id: new.id.clone(),
            run: run.run.clone(),
            principal: run.principal.clone(),
            role: run.role.clone(),
            profile: run.profile.clone(),
            call: new.call,
            tool: new.tool.clone(),
            line: new.line,
            rule: new.rule.clone(),
            arguments_bytes: new.arguments.len() as u64,
            arguments_sha256: new.arguments_sha256.clone(),
            script_sha256: run.script_sha256.clone(),
            tool_sha256: new.tool_sha256.clone(),
            may_have_happened: new.may_have_happened,
            created_ms: new.created_ms,
            expires_ms: new.expires_ms,
            shown_sha256: String::new(),
            state: ApprovalState::Pending,
            answer: None,
            used_ms: None,
            void_reason: None,
            version: 0,
        };
        asked.shown_sha256 = shown::sha256(&asked, &new.arguments);
        asked
    }

    /// Whether this principal may answer by this channel: nobody but the operator answers for a call of their own. What comes from the client itself is its
    /// user's, whom the gateway lets answer or not.
    #[must_use]
    pub fn may_answer(&self, by: &Principal, channel: ApprovalChannel) -> bool {
        *by != self.principal || *by == Principal::Operator || channel == ApprovalChannel::Elicitation
    }
}

impl fmt::Debug for ApprovalContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApprovalContent").field("arguments_bytes", &self.arguments.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for NewApproval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, call, tool, .. } = self;
        f.debug_struct("NewApproval").field("id", id).field("call", call).field("tool", tool).finish_non_exhaustive()
    }
}
