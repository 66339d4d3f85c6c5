//! `exuvia approvals suggest`.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::{Result, bail};
use exuvia_approvals::{PastCall, PastCalls, Scope, Suggestion, past_calls, suggestions, visible};
use exuvia_gateway::now_ms;
use exuvia_journal::Approval;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Found, Places, printed, printed_json, utc};

/// How far back calls are looked for, in milliseconds.
const SEVEN_DAYS_MS: u64 = 7 * 24 * 60 * 60 * 1_000;

/// What would make an approval unnecessary.
#[derive(Serialize)]
struct Choice {
    scope: String,
    toml: String,
    would_have_allowed: PastCalls,
}

/// The same, as a daemon says it.
#[derive(Deserialize)]
struct SaidChoice {
    scope: String,
    toml: String,
    would_have_allowed: Vec<PastCall>,
    would_have_allowed_total: u64,
    is_whole: bool,
}

/// Prints what would make an approval unnecessary. Which tools a server calls read-only is known where it is connected: to a daemon.
pub(super) async fn suggest(places: &mut Places, id: &str, json: bool) -> Result<ExitCode> {
    let found = places.find_with_suggestion(id).await?;
    if found.approval.call.is_none() {
        bail!("approval {id} is of the start of a script: ask for the approvals of its calls");
    }
    let choices = match found.said.is_null() {
        true => read(places, &found).await?,
        false => said(&found.said)?,
    };
    match json {
        true => printed_json(&json!({ "suggestions": choices })),
        false => {
            let texts: Vec<_> = choices.iter().map(|choice| text(choice, &found.approval)).collect();
            printed(&texts.join("\n"))
        }
    }
}

/// From the journal that has it.
async fn read(places: &Places, found: &Found) -> Result<Vec<Choice>> {
    let all = suggestions(&found.approval, found.content.as_ref(), &[]);
    let scopes: Vec<&Scope> = all.iter().map(|suggestion| &suggestion.scope).collect();
    let archive = &places.store_of(found).await?.archive;
    let past = past_calls(archive, &scopes, now_ms().saturating_sub(SEVEN_DAYS_MS)).await?;
    let choice = |(one, would_have_allowed): (Suggestion, PastCalls)| Choice {
        scope: one.scope.name().to_owned(),
        toml: one.toml,
        would_have_allowed,
    };
    Ok(all.into_iter().zip(past).map(choice).collect())
}

/// From what a daemon says.
fn said(said: &Value) -> Result<Vec<Choice>> {
    let Some(choices) = said["suggestion"]["choices"].as_array() else {
        bail!("the daemon looks up others at this moment: try again");
    };
    let choice = |choice: &Value| {
        let SaidChoice { scope, toml, would_have_allowed: calls, would_have_allowed_total: count, is_whole } =
            SaidChoice::deserialize(choice)?;
        Ok(Choice { scope, toml, would_have_allowed: PastCalls { calls, count, is_whole } })
    };
    choices.iter().map(choice).collect()
}

fn text(choice: &Choice, approval: &Approval) -> String {
    let (server, tool) = match &approval.tool {
        Some(tool) => (visible(&tool.server), visible(&tool.tool)),
        None => Default::default(),
    };
    let what = match choice.scope.as_str() {
        "arguments" => format!("calls of {server}.{tool} with these arguments"),
        "read-only-tools" => format!("tools that {server} calls read-only"),
        _ => format!("every call of {server}.{tool}"),
    };
    let past = &choice.would_have_allowed;
    let more = if past.is_whole { "" } else { " or more" };
    let mut text = format!("# allows {what}; of the last seven days: {}{more} calls\n{}", past.count, choice.toml);
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
