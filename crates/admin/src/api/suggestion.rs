//! What would make an approval unnecessary, and what it would have allowed.

use exuvia_approvals::{PastCall, PastCalls, Scope, Suggestion, past_calls, suggestions};
use exuvia_gateway::now_ms;
use exuvia_journal::{Approval, ApprovalContent};
use schemars::JsonSchema;
use serde::Serialize;

use crate::admin::Admin;
use crate::answer::ApiError;
use crate::journals::ReadJournal as _;

/// Texts of configuration that would allow something. Nothing is written.
#[derive(Serialize, JsonSchema)]
pub(super) struct SuggestionView {
    /// One of them.
    choices: Vec<ChoiceView>,
}

/// A text of configuration.
#[derive(Serialize, JsonSchema)]
struct ChoiceView {
    /// What it would allow: `tool`, `arguments` or `read-only-tools`.
    scope: &'static str,
    /// The text.
    toml: String,
    /// Calls of the last seven days that it would have allowed: the latest.
    would_have_allowed: Vec<PastCallView>,
    /// How many there were in what was read.
    would_have_allowed_total: u64,
    /// Whether all records of the time were read.
    is_whole: bool,
}

/// A call that a suggestion would have allowed.
#[derive(Serialize, JsonSchema)]
struct PastCallView {
    /// The run or direct call.
    run: String,
    /// When, in milliseconds since the epoch.
    at_ms: u64,
    /// On whose behalf.
    principal: String,
    /// The server.
    server: String,
    /// The tool.
    tool: String,
    /// The number of the call in the run.
    call: u64,
    /// Whether it was sent; otherwise it was refused, or waited for an approval.
    was_sent: bool,
}

/// How far back calls are looked at that a suggestion would have allowed.
const PAST_MS: u64 = 7 * 24 * 60 * 60 * 1_000;

impl SuggestionView {
    /// What would allow an approval's call, with what it would have allowed. None: it is the start of a script, or too many are looked up now.
    pub(super) async fn of(
        admin: &Admin,
        approval: &Approval,
        content: Option<&ApprovalContent>,
    ) -> Result<Option<Self>, ApiError> {
        let Some(name) = &approval.tool else { return Ok(None) };
        let servers = admin.gateway().map(|gateway| gateway.servers()).unwrap_or_default();
        let server = servers.iter().find(|server| server.name == name.server);
        let read_only = server.into_iter().flat_map(|server| server.tools.iter());
        let read_only = read_only.filter(|tool| tool.annotations.read_only == Some(true));
        let read_only: Vec<String> = read_only.map(|tool| tool.name.clone()).collect();
        let suggestions = suggestions(approval, content, &read_only);
        let scopes: Vec<&Scope> = suggestions.iter().map(|suggestion| &suggestion.scope).collect();
        let Ok(_place) = admin.suggestion_place() else { return Ok(None) };
        let journals = admin.sources().journals().await?;
        let mut past = vec![PastCalls { is_whole: true, ..PastCalls::default() }; suggestions.len()];
        for journal in &journals.0 {
            let found = past_calls(journal.archive(), &scopes, now_ms().saturating_sub(PAST_MS)).await?;
            for (sum, found) in past.iter_mut().zip(found) {
                sum.calls.extend(found.calls);
                sum.count += found.count;
                sum.is_whole &= found.is_whole;
            }
        }
        let choice = |(suggestion, past): (Suggestion, PastCalls)| ChoiceView {
            scope: suggestion.scope.name(),
            toml: suggestion.toml,
            would_have_allowed: past.calls.iter().map(PastCallView::of).collect(),
            would_have_allowed_total: past.count,
            is_whole: past.is_whole,
        };
        Ok(Some(Self { choices: suggestions.into_iter().zip(past).map(choice).collect() }))
    }
}

impl PastCallView {
    fn of(call: &PastCall) -> Self {
        Self {
            run: call.run.clone(),
            at_ms: call.at_ms,
            principal: call.principal.to_string(),
            server: call.server.clone(),
            tool: call.tool.clone(),
            call: call.call,
            was_sent: call.was_sent,
        }
    }
}
