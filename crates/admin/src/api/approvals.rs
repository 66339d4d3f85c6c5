//! Approvals: what waits, the card of one, and answering it.

use exuvia_approvals::visible;
use exuvia_gateway::now_ms;
use exuvia_journal::{
    Approval, ApprovalAnswer, ApprovalChannel, ApprovalContent, ApprovalFilter, ApprovalState, ApprovalStore,
};
use exuvia_tool::{ApprovalId, Principal, RunId};
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use super::page::Page;
use super::suggestion::SuggestionView;
use crate::admin::Admin;
use crate::answer::{ApiError, check_range};
use crate::approval_events;
use crate::caller::{Caller, Proof};
use crate::events::Events;
use crate::operation::{Ask, Nothing};

/// Items of a part, unless the request says how many.
const LIMIT: usize = 100;
/// The most items of a part.
const MOST: u32 = 500;

/// Which approvals are meant.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ApprovalQuery {
    /// In this state. Default: any.
    state: Option<StateView>,
    /// Of runs of this principal: `operator`, `key:NAME` or `user:PROVIDER/SUBJECT`.
    #[schemars(regex(pattern = r"^(operator|key:[A-Za-z0-9._-]+|user:[A-Za-z0-9._-]+/[A-Za-z0-9%._-]+)$"))]
    principal: Option<String>,
    /// Of this run.
    run: Option<String>,
    /// At most so many. Default: 100.
    #[schemars(range(min = 1, max = MOST))]
    limit: Option<u32>,
    /// The `next` of the part before.
    before: Option<String>,
}

/// How far an approval has come.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum StateView {
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

impl From<StateView> for ApprovalState {
    fn from(state: StateView) -> Self {
        match state {
            StateView::Pending => Self::Pending,
            StateView::Approved => Self::Approved,
            StateView::Denied => Self::Denied,
            StateView::Expired => Self::Expired,
            StateView::Used => Self::Used,
            StateView::Void => Self::Void,
        }
    }
}

/// An approval.
#[derive(Deserialize, JsonSchema)]
pub(super) struct ApprovalPath {
    /// Its id.
    id: String,
}

/// An approval, without its content.
#[derive(Serialize, JsonSchema)]
pub(super) struct ApprovalSummary {
    /// Its id.
    id: String,
    /// The run that waits.
    run: String,
    /// The number of the call. Null: the start of the script.
    call: Option<u64>,
    /// Who made the run.
    principal: String,
    /// The role of the principal when the run was made. Null: the operator.
    role: Option<String>,
    /// The profile that its client named.
    profile: Option<String>,
    /// The server. Null: the start of the script.
    server: Option<String>,
    /// The tool. Null: the start of the script.
    tool: Option<String>,
    /// The line of the script that made the call.
    line: Option<u32>,
    /// The rule that asks.
    rule: String,
    /// The size of the arguments, in bytes of JSON.
    arguments_bytes: u64,
    /// The SHA-256 of the canonical form of the arguments, in hexadecimal digits. Empty for the start of the script.
    arguments_sha256: String,
    /// The SHA-256 of the script, in hexadecimal digits.
    script_sha256: String,
    /// The digest of the tool's definition. Null: the start of the script.
    tool_sha256: Option<String>,
    /// The call was sent before, and what came of it is unknown: it may have happened.
    may_have_happened: bool,
    /// When it was asked, in milliseconds since the epoch.
    created_ms: u64,
    /// Until when it can be answered and used, in milliseconds since the epoch.
    expires_ms: u64,
    /// `pending`, `approved`, `denied`, `expired`, `used` or `void`.
    state: &'static str,
    /// Who answered, and how.
    answer: Option<AnswerView>,
    /// When it was used, in milliseconds since the epoch.
    used_ms: Option<u64>,
    /// Why it is void.
    void_reason: Option<String>,
    /// What an answer repeats, so that it covers what was shown and nothing else.
    shown_sha256: String,
    /// Whether the caller may answer.
    may_answer: bool,
}

/// An answer.
#[derive(Serialize, JsonSchema)]
struct AnswerView {
    /// Who answered.
    by: String,
    /// By which way: `page`, `cli`, `api`, `elicitation` or `webhook`.
    channel: &'static str,
    /// When, in milliseconds since the epoch.
    at_ms: u64,
    /// Why, in the words of whoever answered.
    reason: Option<String>,
    /// The digest of what was shown.
    shown_sha256: String,
}

/// An approval with all that is to be decided on.
#[derive(Serialize, JsonSchema)]
pub(super) struct ApprovalView {
    /// What is known without its content.
    #[serde(flatten)]
    summary: ApprovalSummary,
    /// The arguments, byte for byte as they will be sent: JSON text. Null: the run was erased.
    arguments: Option<String>,
    /// The same with control, invisible and direction-changing characters written out.
    arguments_shown: Option<String>,
    /// The script. Null: the run was erased.
    script: Option<String>,
    /// The tools that the script may call.
    calls_of_script: Vec<ScriptCallView>,
    /// What cannot be predicted of the script, a sentence each.
    unpredicted: Vec<String>,
    /// The tool's description, in its server's words.
    tool_description: Option<String>,
    /// What would allow it from now on. Null: for the start of a script.
    suggestion: Option<SuggestionView>,
}

/// A tool that a script may call.
#[derive(Serialize, JsonSchema)]
struct ScriptCallView {
    /// The server.
    server: String,
    /// The tool.
    tool: String,
    /// The lines that call it.
    lines: Vec<u32>,
    /// Whether its calls need an approval of their own.
    needs_approval: bool,
}

/// An answer to an approval.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AnswerRequest {
    /// `shown_sha256` of what was shown.
    #[schemars(length(min = 1, max = 128))]
    shown_sha256: String,
    /// Why.
    #[schemars(length(max = 4096))]
    reason: Option<String>,
}

fn channel(caller: &Caller) -> ApprovalChannel {
    match caller.proof {
        Proof::Socket => ApprovalChannel::Cli,
        Proof::Session(..) => ApprovalChannel::Page,
        Proof::Token | Proof::Nothing => ApprovalChannel::Api,
    }
}

impl ApprovalSummary {
    fn of(approval: Approval, caller: &Caller) -> Self {
        let may_answer =
            approval.state == ApprovalState::Pending && approval.may_answer(&caller.principal(), channel(caller));
        let (server, tool) = approval.tool.map(|name| (name.server, name.tool)).unzip();
        let answer = approval.answer.map(|answer| AnswerView {
            by: answer.by.to_string(),
            channel: answer.channel.name(),
            at_ms: answer.at_ms,
            reason: answer.reason,
            shown_sha256: answer.shown_sha256,
        });
        Self {
            id: approval.id.to_string(),
            run: approval.run.to_string(),
            call: approval.call.map(|call| call.0),
            principal: approval.principal.to_string(),
            role: approval.role,
            profile: approval.profile,
            server,
            tool,
            line: approval.line,
            rule: approval.rule,
            arguments_bytes: approval.arguments_bytes,
            arguments_sha256: approval.arguments_sha256,
            script_sha256: approval.script_sha256,
            tool_sha256: approval.tool_sha256,
            may_have_happened: approval.may_have_happened,
            created_ms: approval.created_ms,
            expires_ms: approval.expires_ms,
            state: approval.state.name(),
            answer,
            used_ms: approval.used_ms,
            void_reason: approval.void_reason,
            shown_sha256: approval.shown_sha256,
            may_answer,
        }
    }
}

pub(super) async fn list(ask: Ask<Nothing, ApprovalQuery>) -> Result<Page<ApprovalSummary>, ApiError> {
    let ApprovalQuery { state, principal, run, limit, before } = ask.query;
    let limit = limit.map_or(LIMIT, |limit| limit as usize);
    if !(1..=MOST as usize).contains(&limit) {
        return Err(ApiError::bad_request(format!("limit: must be between 1 and {MOST}")));
    }
    let state = state.map(ApprovalState::from);
    let run = match (ask.caller.only_run(), run) {
        (Some(own), Some(other)) if own.as_str() != other => return Err(outside()),
        (Some(own), _) => Some(own.clone()),
        (None, run) => run.map(RunId::new),
    };
    let principal = principal.map(|principal| principal.parse::<Principal>()).transpose();
    let principal = principal.map_err(|error| ApiError::bad_request(format!("principal: {error}")))?;
    let filter = ApprovalFilter { state, principal, run, before: before.map(ApprovalId::new), limit: limit + 1 };
    let mut found = ask.admin.sources().approvals()?.list(&filter).await?;
    let has_more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| has_more).map(|last| last.id.to_string());
    let items = found.into_iter().map(|approval| ApprovalSummary::of(approval, &ask.caller)).collect();
    Ok(Page { items, next })
}

fn outside() -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, "forbidden", "this link leads to the approvals of another run")
}

/// An approval that the caller may see.
async fn seen(store: &dyn ApprovalStore, id: &ApprovalId, caller: &Caller) -> Result<Approval, ApiError> {
    let unknown = || ApiError::not_found(format!("there is no approval {:?}", id.to_string()));
    let approval = store.get(id).await?.ok_or_else(unknown)?;
    match caller.only_run() {
        Some(run) if *run != approval.run => Err(outside()),
        _ => Ok(approval),
    }
}

async fn card(
    admin: &Admin,
    store: &dyn ApprovalStore,
    approval: Approval,
    (caller, suggests): (&Caller, bool),
) -> Result<ApprovalView, ApiError> {
    let content = store.content(&approval.id).await?;
    let gateway = admin.gateway().ok();
    let tool = approval.tool.clone();
    let is_call = approval.call.is_some();
    let tool_description = gateway.as_ref().zip(tool.as_ref()).and_then(|(gateway, name)| {
        let servers = gateway.servers();
        let server = servers.iter().find(|server| server.name == name.server)?;
        server.tools.iter().find(|one| one.name == name.tool)?.description.clone()
    });
    let suggestion = match suggests {
        true => SuggestionView::of(admin, &approval, content.as_ref()).await?,
        false => None,
    };
    let summary = ApprovalSummary::of(approval, caller);
    let Some(ApprovalContent { arguments, script, calls, unpredicted }) = content else {
        let (arguments, arguments_shown, script) = Default::default();
        let (calls_of_script, unpredicted) = Default::default();
        return Ok(ApprovalView {
            summary,
            arguments,
            arguments_shown,
            script,
            calls_of_script,
            unpredicted,
            tool_description,
            suggestion,
        });
    };
    let call = |call: exuvia_journal::ScriptCall| ScriptCallView {
        server: call.tool.server,
        tool: call.tool.tool,
        lines: call.lines,
        needs_approval: call.needs_approval,
    };
    let arguments = Some(arguments).filter(|_| is_call);
    Ok(ApprovalView {
        summary,
        arguments_shown: arguments.as_deref().map(visible),
        arguments,
        script: Some(script),
        calls_of_script: calls.into_iter().map(call).collect(),
        unpredicted,
        tool_description,
        suggestion,
    })
}

/// What is shown of an approval.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CardQuery {
    /// Whether what would allow it from now on is looked up. Default: true.
    suggestion: Option<bool>,
}

pub(super) async fn show(ask: Ask<ApprovalPath, CardQuery>) -> Result<ApprovalView, ApiError> {
    let store = ask.admin.sources().approvals()?;
    let approval = seen(&*store, &ApprovalId::new(ask.path.id), &ask.caller).await?;
    // A suggestion shows calls of others, and is no business of whoever came by the link of one run.
    let suggests = ask.query.suggestion.unwrap_or(true) && ask.caller.only_run().is_none();
    card(&ask.admin, &*store, approval, (&ask.caller, suggests)).await
}

pub(super) async fn approve(ask: Ask<ApprovalPath, Nothing, AnswerRequest>) -> Result<ApprovalView, ApiError> {
    answer(ask, true).await
}

pub(super) async fn deny(ask: Ask<ApprovalPath, Nothing, AnswerRequest>) -> Result<ApprovalView, ApiError> {
    answer(ask, false).await
}

async fn answer(ask: Ask<ApprovalPath, Nothing, AnswerRequest>, allow: bool) -> Result<ApprovalView, ApiError> {
    let store = ask.admin.sources().approvals()?;
    let id = ApprovalId::new(ask.path.id);
    seen(&*store, &id, &ask.caller).await?;
    let AnswerRequest { shown_sha256, reason } = ask.body;
    check_range("shown_sha256", Some(shown_sha256.chars().count()), 1, 128)?;
    check_range("reason", reason.as_ref().map(|reason| reason.chars().count()), 0, 4_096)?;
    let (by, channel) = (ask.caller.principal(), channel(&ask.caller));
    // The store records who answered, in the record of the run.
    let answer = ApprovalAnswer { by, channel, at_ms: now_ms(), reason, shown_sha256 };
    let approval = store.answer(&id, allow, &answer).await?;
    // The answer holds: what is looked up for the eye alone must not fail it.
    card(&ask.admin, &*store, approval, (&ask.caller, false)).await
}

pub(super) async fn events(ask: Ask) -> Result<Events, ApiError> {
    let place = ask.admin.stream_place()?;
    let store: Arc<dyn ApprovalStore> = ask.admin.sources().approvals()?;
    let only = ask.caller.only_run().cloned();
    let questions = ask.admin.gateway()?.open_questions().cloned();
    let events = approval_events::follow(store, questions, only).await?;
    Ok(Events::new(events, ask.admin.over(), place))
}
