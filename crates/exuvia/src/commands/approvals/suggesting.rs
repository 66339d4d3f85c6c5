//! `exuvia approvals suggest`.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::{Result, bail};
use exuvia_approvals::{PastCalls, Scope, Suggestion, SuggestionJson, past_calls, suggestions, visible};
use exuvia_gateway::now_ms;
use serde_json::json;

use super::{printed, printed_json, utc};
use crate::journal::ApprovalStores;

/// How far back calls are looked for, in milliseconds.
const SEVEN_DAYS_MS: u64 = 7 * 24 * 60 * 60 * 1_000;

/// Prints what would make an approval unnecessary. Which tools a server calls read-only is known where it is connected: not here.
pub(super) async fn suggest(stores: &ApprovalStores, id: &str, json: bool) -> Result<ExitCode> {
    let (stored, approval) = stores.find(id).await?;
    let content = stored.store.content(&approval.id).await?;
    let all = suggestions(&approval, content.as_ref(), &[]);
    if all.is_empty() {
        bail!("approval {id} is of the start of a script: ask for the approvals of its calls");
    }
    let scopes: Vec<&Scope> = all.iter().map(|suggestion| &suggestion.scope).collect();
    let past = past_calls(&stored.archive, &scopes, now_ms().saturating_sub(SEVEN_DAYS_MS)).await?;
    match json {
        true => {
            let all: Vec<_> = all.iter().zip(&past).map(|(one, past)| SuggestionJson::new(one, past)).collect();
            printed_json(&json!({ "suggestions": all }))
        }
        false => {
            let texts: Vec<_> = all.iter().zip(&past).map(|(one, past)| text(one, past)).collect();
            printed(&texts.join("\n"))
        }
    }
}

fn text(suggestion: &Suggestion, past: &PastCalls) -> String {
    let what = match &suggestion.scope {
        Scope::Tool(tool) => format!("every call of {}.{}", visible(&tool.server), visible(&tool.tool)),
        Scope::Arguments(tool, _) => {
            format!("calls of {}.{} with these arguments", visible(&tool.server), visible(&tool.tool))
        }
        Scope::ReadOnlyTools(server, _) => format!("tools that {} calls read-only", visible(server)),
    };
    let more = if past.is_whole { "" } else { " or more" };
    let mut text = format!("# allows {what}; of the last seven days: {}{more} calls\n{}", past.count, suggestion.toml);
    for call in &past.calls {
        let how = if call.was_sent { "sent" } else { "not sent" };
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "#   {} {} call {} of run {}, {how}",
            utc(call.at_ms),
            visible(&call.principal.to_string()),
            call.call,
            visible(&call.run)
        );
    }
    text
}
