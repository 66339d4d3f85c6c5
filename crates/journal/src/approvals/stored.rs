//! What is kept of an approval in a database, and of the run that waits for it: public parts as versioned JSON, private ones sealed with the key of the run.

use exuvia_tool::{ApprovalId, CallId, Principal, RunId, ToolName};
use serde::{Deserialize, Serialize};

use super::{
    Approval, ApprovalAnswer, ApprovalChannel, ApprovalContent, ApprovalError, ApprovalErrorKind, ApprovalState,
    ERASED, HeldRun, Lease, NewApproval, ScriptCall, WaitingRun, WaitingState,
};
use crate::seal::RunKey;
use crate::store::StoreError;
use crate::{JournalError, JournalErrorKind};

/// The version of the format.
const VERSION: u32 = 1;
/// What the sealed parts are sealed as.
const SCRIPT: &str = "approval-script";
const ARGUMENTS: &str = "approval-arguments";
const REASON: &str = "approval-reason";

/// The version alone, which is read first.
#[derive(Deserialize)]
struct Versioned {
    v: u32,
}

/// What never changes of an approval.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    v: u32,
    run: String,
    principal: Principal,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    profile: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    call: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tool: Option<ToolName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    rule: String,
    arguments_bytes: u64,
    arguments_sha256: String,
    script_sha256: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tool_sha256: Option<String>,
    may_have_happened: bool,
    created_ms: u64,
    expires_ms: u64,
    shown_sha256: String,
}

/// What is public of an answer.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    v: u32,
    by: Principal,
    channel: ApprovalChannel,
    at_ms: u64,
    shown_sha256: String,
}

/// The private part of a run that waits.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ScriptBody {
    v: u32,
    script: String,
    #[serde(default)]
    calls: Vec<ScriptCall>,
    #[serde(default)]
    unpredicted: Vec<String>,
}

/// A row of approvals, with the key of its run.
pub(super) struct Row {
    pub(super) id: String,
    pub(super) version: u64,
    pub(super) state: String,
    pub(super) used_ms: Option<u64>,
    pub(super) void_reason: Option<String>,
    pub(super) json: String,
    pub(super) answer: Option<String>,
    pub(super) reason: Option<Vec<u8>>,
    pub(super) key: Option<[u8; 32]>,
}

/// What never changes of an approval, as it is kept.
///
/// # Errors
///
/// None that can occur: all keys are texts.
pub(super) fn facts(approval: &Approval) -> Result<String, ApprovalError> {
    let approval = approval.clone();
    written(&Facts {
        v: VERSION,
        run: approval.run.as_str().to_owned(),
        principal: approval.principal,
        role: approval.role,
        profile: approval.profile,
        call: approval.call.map(|call| call.0),
        tool: approval.tool,
        line: approval.line,
        rule: approval.rule,
        arguments_bytes: approval.arguments_bytes,
        arguments_sha256: approval.arguments_sha256,
        script_sha256: approval.script_sha256,
        tool_sha256: approval.tool_sha256,
        may_have_happened: approval.may_have_happened,
        created_ms: approval.created_ms,
        expires_ms: approval.expires_ms,
        shown_sha256: approval.shown_sha256,
    })
}

/// The public part of an answer, as it is kept.
///
/// # Errors
///
/// None that can occur: all keys are texts.
pub(super) fn answer(answer: &ApprovalAnswer) -> Result<String, ApprovalError> {
    let ApprovalAnswer { by, channel, at_ms, shown_sha256, .. } = answer.clone();
    written(&Answer { v: VERSION, by, channel, at_ms, shown_sha256 })
}

fn written(part: &impl Serialize) -> Result<String, ApprovalError> {
    serde_json::to_string(part).map_err(malformed)
}

impl Row {
    /// The approval. What is open of a run whose key was dropped is void, whether or not somebody has written so.
    ///
    /// # Errors
    ///
    /// A newer program wrote it, or it is malformed.
    pub(super) fn read(self) -> Result<Approval, ApprovalError> {
        let facts: Facts = parsed(&self.json)?;
        let state = ApprovalState::of_name(&self.state).ok_or_else(|| malformed("an unknown state"))?;
        let is_erased = state.is_open() && self.key.is_none();
        let reason = match (&self.reason, self.key) {
            (Some(sealed), Some(key)) => Some(opened(&key.into(), &self.id, REASON, sealed)?),
            _ => None,
        };
        let answer = self.answer.as_deref().map(parsed::<Answer>).transpose()?;
        Ok(Approval {
            id: ApprovalId::new(self.id),
            run: RunId::new(facts.run),
            principal: facts.principal,
            role: facts.role,
            profile: facts.profile,
            call: facts.call.map(CallId),
            tool: facts.tool,
            line: facts.line,
            rule: facts.rule,
            arguments_bytes: facts.arguments_bytes,
            arguments_sha256: facts.arguments_sha256,
            script_sha256: facts.script_sha256,
            tool_sha256: facts.tool_sha256,
            may_have_happened: facts.may_have_happened,
            created_ms: facts.created_ms,
            expires_ms: facts.expires_ms,
            shown_sha256: facts.shown_sha256,
            state: if is_erased { ApprovalState::Void } else { state },
            answer: answer.map(|answer| {
                let Answer { by, channel, at_ms, shown_sha256, .. } = answer;
                ApprovalAnswer { by, channel, at_ms, reason, shown_sha256 }
            }),
            used_ms: self.used_ms,
            void_reason: self.void_reason.or_else(|| is_erased.then(|| ERASED.to_owned())),
            version: self.version,
        })
    }
}

/// A row of the runs that wait, with the numbers of its approvals.
pub(super) struct RunRow {
    pub(super) id: String,
    pub(super) principal: String,
    pub(super) role: Option<String>,
    pub(super) profile: Option<String>,
    pub(super) state: String,
    pub(super) void_reason: Option<String>,
    pub(super) since_ms: u64,
    pub(super) claims: u64,
    pub(super) holder: Option<String>,
    pub(super) until_ms: Option<u64>,
    pub(super) pending: u64,
    pub(super) answered: u64,
}

impl RunRow {
    /// The run.
    ///
    /// # Errors
    ///
    /// It is malformed.
    pub(super) fn read(self) -> Result<WaitingRun, ApprovalError> {
        let state = match self.state.as_str() {
            "held" => WaitingState::Held,
            "parked" => WaitingState::Parked,
            "done" => WaitingState::Done,
            "void" => WaitingState::Void(self.void_reason.unwrap_or_default()),
            _ => return Err(malformed("an unknown state of a run")),
        };
        Ok(WaitingRun {
            run: RunId::new(self.id),
            principal: self.principal.parse().map_err(malformed)?,
            role: self.role,
            profile: self.profile,
            state,
            since_ms: self.since_ms,
            claims: self.claims,
            lease: self.holder.zip(self.until_ms).map(|(holder, until_ms)| Lease { holder, until_ms }),
            pending: self.pending,
            answered: self.answered,
        })
    }
}

/// A part of a kept JSON text, of this format.
fn parsed<T: serde::de::DeserializeOwned>(json: &str) -> Result<T, ApprovalError> {
    let Versioned { v } = serde_json::from_str(json).map_err(malformed)?;
    if v > VERSION {
        let cause = format!("an approval has format {v}, this program reads up to {VERSION}: use the newer program");
        return Err(ApprovalError::new(ApprovalErrorKind::Newer).caused_by(cause));
    }
    serde_json::from_str(json).map_err(malformed)
}

/// The private part of a run that waits, sealed.
///
/// # Errors
///
/// The system gives no randomness.
pub(super) fn sealed_script(key: &RunKey, run: &HeldRun) -> Result<Vec<u8>, ApprovalError> {
    let HeldRun { script, calls, unpredicted, .. } = run.clone();
    let body = written(&ScriptBody { v: VERSION, script, calls, unpredicted })?;
    key.seal(run.run.as_str(), SCRIPT, body.as_bytes()).map_err(of_journal)
}

/// The arguments of an approval, sealed.
///
/// # Errors
///
/// The system gives no randomness.
pub(super) fn sealed_arguments(key: &RunKey, new: &NewApproval) -> Result<Vec<u8>, ApprovalError> {
    key.seal(new.id.as_str(), ARGUMENTS, new.arguments.as_bytes()).map_err(of_journal)
}

/// The reason of an answer, sealed.
///
/// # Errors
///
/// The system gives no randomness.
pub(super) fn sealed_reason(
    key: &RunKey,
    id: &ApprovalId,
    reason: Option<&str>,
) -> Result<Option<Vec<u8>>, ApprovalError> {
    reason.map(|reason| key.seal(id.as_str(), REASON, reason.as_bytes()).map_err(of_journal)).transpose()
}

/// What an approval is about, of its sealed parts.
///
/// # Errors
///
/// They do not fit the key, or are malformed.
pub(super) fn content(
    key: &RunKey,
    (run, id): (&str, &ApprovalId),
    script: &[u8],
    arguments: &[u8],
) -> Result<ApprovalContent, ApprovalError> {
    let ScriptBody { script, calls, unpredicted, .. } = parsed(&opened(key, run, SCRIPT, script)?)?;
    let arguments = opened(key, id.as_str(), ARGUMENTS, arguments)?;
    Ok(ApprovalContent { arguments, script, calls, unpredicted })
}

fn opened(key: &RunKey, id: &str, kind: &str, sealed: &[u8]) -> Result<String, ApprovalError> {
    String::from_utf8(key.open(id, kind, sealed).map_err(of_journal)?).map_err(malformed)
}

/// An error of the journal's database, as one of approvals.
pub(super) fn of_journal(error: JournalError) -> ApprovalError {
    let kind = match error.kind() {
        JournalErrorKind::Newer => ApprovalErrorKind::Newer,
        JournalErrorKind::Malformed => ApprovalErrorKind::Malformed,
        _ => ApprovalErrorKind::Unavailable,
    };
    ApprovalError::new(kind).caused_by(error)
}

impl StoreError for ApprovalError {
    fn unavailable(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::new(ApprovalErrorKind::Unavailable).caused_by(cause)
    }

    fn is_unavailable(&self) -> bool {
        self.kind() == ApprovalErrorKind::Unavailable
    }

    fn again(&self) -> Self {
        let cause = std::error::Error::source(self).map_or_else(|| self.to_string(), ToString::to_string);
        Self::new(self.kind()).caused_by(cause)
    }
}

pub(super) fn malformed(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ApprovalError {
    ApprovalError::new(ApprovalErrorKind::Malformed).caused_by(cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held() -> HeldRun {
        HeldRun {
            run: RunId::new("01R"),
            principal: Principal::Key("ci".into()),
            role: Some("support".into()),
            profile: Some("p".into()),
            script: "crm.send()".into(),
            script_sha256: "5c".into(),
            calls: vec![ScriptCall { tool: ToolName::new("crm", "send"), lines: vec![1], needs_approval: true }],
            unpredicted: vec!["line 2 calls a tool by a computed name".into()],
            lease: Lease { holder: "h".into(), until_ms: 1 },
        }
    }

    fn new() -> NewApproval {
        NewApproval {
            id: ApprovalId::new("01A"),
            call: Some(CallId(3)),
            tool: Some(ToolName::new("crm", "send")),
            arguments: "{\"to\": \"\u{202e}x\"}".into(),
            arguments_sha256: "a5".into(),
            tool_sha256: Some("70".into()),
            line: Some(1),
            rule: "approval".into(),
            may_have_happened: true,
            created_ms: 5,
            expires_ms: 9,
        }
    }

    fn row(approval: &Approval, key: Option<[u8; 32]>) -> Row {
        Row {
            id: approval.id.as_str().to_owned(),
            version: 7,
            state: "pending".into(),
            used_ms: None,
            void_reason: None,
            json: facts(approval).expect("JSON"),
            answer: None,
            reason: None,
            key,
        }
    }

    #[test]
    fn an_approval_is_read_as_it_was_written() {
        let asked = Approval { version: 7, ..Approval::asked(&held(), &new()) };
        assert_eq!(row(&asked, Some([1; 32])).read().expect("read"), asked);
        // Of the start of a script.
        let start = NewApproval { call: None, tool: None, tool_sha256: None, line: None, ..new() };
        let asked = Approval { version: 7, ..Approval::asked(&held(), &start) };
        assert_eq!(row(&asked, Some([1; 32])).read().expect("read"), asked);
    }

    #[test]
    fn what_is_open_of_an_erased_run_is_void() {
        let asked = Approval::asked(&held(), &new());
        let read = row(&asked, None).read().expect("read");
        assert_eq!((read.state, read.void_reason.as_deref()), (ApprovalState::Void, Some(ERASED)));
    }

    #[test]
    fn a_newer_format_is_refused_as_such() {
        let asked = Approval::asked(&held(), &new());
        let newer = row(&asked, Some([1; 32])).json.replacen("\"v\":1", "\"v\":2,\"more\":0", 1);
        let error = Row { json: newer, ..row(&asked, Some([1; 32])) }.read().expect_err("newer");
        assert_eq!(error.kind(), ApprovalErrorKind::Newer);
    }

    #[test]
    fn content_opens_with_the_key_of_its_run_and_in_its_place_alone() {
        let (key, other) = (RunKey::from([1; 32]), RunKey::from([2; 32]));
        let script = sealed_script(&key, &held()).expect("sealed");
        let arguments = sealed_arguments(&key, &new()).expect("sealed");
        let id = ApprovalId::new("01A");
        let found = content(&key, ("01R", &id), &script, &arguments).expect("opened");
        assert_eq!((found.arguments, found.script), (new().arguments, held().script));
        assert_eq!((found.calls, found.unpredicted), (held().calls, held().unpredicted));
        assert!(content(&other, ("01R", &id), &script, &arguments).is_err());
        assert!(content(&key, ("01R", &ApprovalId::new("01B")), &script, &arguments).is_err());
        assert!(content(&key, ("01S", &id), &script, &arguments).is_err());
    }

    #[test]
    fn every_part_of_what_is_asked_changes_its_digest() {
        let digest = |held: &HeldRun, new: &NewApproval| Approval::asked(held, new).shown_sha256;
        let same = digest(&held(), &new());
        assert_eq!(same, digest(&held(), &new()));
        let others = [
            NewApproval { id: ApprovalId::new("01B"), ..new() },
            NewApproval { call: None, ..new() },
            NewApproval { tool: Some(ToolName::new("crms", "end")), ..new() },
            NewApproval { arguments: "{\"to\": \"x\u{202e}\"}".into(), ..new() },
            NewApproval { arguments_sha256: "a6".into(), ..new() },
            NewApproval { tool_sha256: None, ..new() },
            NewApproval { line: None, ..new() },
            NewApproval { rule: "other".into(), ..new() },
            NewApproval { may_have_happened: false, ..new() },
            NewApproval { expires_ms: 10, ..new() },
        ];
        assert!(others.iter().all(|other| digest(&held(), other) != same));
        let others = [
            HeldRun { run: RunId::new("01S"), ..held() },
            HeldRun { principal: Principal::Operator, ..held() },
            HeldRun { role: None, ..held() },
            HeldRun { script_sha256: "5d".into(), ..held() },
        ];
        assert!(others.iter().all(|other| digest(other, &new()) != same));
    }
}
