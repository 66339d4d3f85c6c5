//! What definitions of tools would have cost the models of clients, and what they cost.

use exuvia_gateway::{Gateway, meta};
use exuvia_journal::Filter;
use exuvia_text::tokens;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::usage::{DAY_MS, DaysQuery};
use crate::action::SERVER;
use crate::answer::ApiError;
use crate::operation::{Ask, Nothing};
use crate::time::day;

/// Tokens of definitions, by day. What models read beside definitions (calls, answers, results) is not recorded, and is no part of this.
#[derive(Serialize, JsonSchema)]
pub(super) struct DailyTokens {
    /// About how many tokens the definitions of all tools have that servers list now: what each turn of a model costs that has them in its
    /// context.
    schema_tokens: usize,
    /// About how many tokens the definitions of the meta-tools have: what each turn costs with this gateway.
    meta_tokens: usize,
    /// By day, the oldest first.
    items: Vec<DayOfTokens>,
}

/// A day, in UTC.
#[derive(Serialize, JsonSchema)]
struct DayOfTokens {
    /// The day: `2026-11-30`.
    day: String,
    /// Scripts that were run.
    runs: u64,
    /// Calls of tools, by scripts and by clients themselves.
    calls: u64,
    /// Definitions of all tools, for a turn of a model for each call.
    would: u64,
    /// Definitions of the meta-tools, for a turn of a model for each script; of all tools for each call that a client made itself.
    paid: u64,
}

pub(super) async fn show(ask: Ask<Nothing, DaysQuery>) -> Result<DailyTokens, ApiError> {
    let (begins, gateway) = (ask.query.begins_ms()?, ask.admin.gateway()?);
    let _place = ask.admin.heavy_place().await?;
    let counted = tokio::task::spawn_blocking(move || (schema_tokens(&gateway), meta_tokens())).await;
    let (schema_tokens, meta_tokens) = counted.map_err(|_| ApiError::unavailable("tokens could not be counted"))?;
    let journals = ask.admin.sources().journals().await?;
    let mut items = Vec::new();
    for begin in begins {
        let filter = Filter { since_ms: Some(begin), until_ms: Some(begin + DAY_MS), ..Filter::default() };
        let stats = journals.stats(&filter).await?;
        let runs: u64 = stats.principals.iter().map(|sum| sum.runs).sum();
        let actions: u64 = stats.tools.iter().filter(|tool| tool.server == SERVER).map(|tool| tool.calls).sum();
        let direct: u64 = stats.principals.iter().map(|sum| sum.direct_calls).sum();
        let direct = direct.saturating_sub(actions);
        let calls: u64 = stats.tools.iter().map(|tool| tool.calls).sum::<u64>().saturating_sub(actions);
        let times = |count: u64, tokens: usize| count.saturating_mul(tokens as u64);
        let (would, paid) = (times(calls, schema_tokens), times(runs, meta_tokens) + times(direct, schema_tokens));
        items.push(DayOfTokens { day: day(begin), runs, calls, would, paid });
    }
    Ok(DailyTokens { schema_tokens, meta_tokens, items })
}

/// Of the definitions of all tools, as clients hand them to their models.
fn schema_tokens(gateway: &Gateway) -> usize {
    let servers = gateway.servers();
    let tools = servers.iter().flat_map(|server| server.tools.iter());
    tools
        .map(|tool| {
            let definition =
                json!({"name": tool.name, "description": tool.description, "inputSchema": tool.input_schema});
            tokens(&definition.to_string(), usize::MAX)
        })
        .sum()
}

/// Of the definitions of the meta-tools.
fn meta_tokens() -> usize {
    let definition = |tool: &&meta::MetaTool| {
        json!({"name": tool.name, "description": tool.description, "inputSchema": tool.input_schema()}).to_string()
    };
    meta::TOOLS.iter().map(|tool| tokens(&definition(tool), usize::MAX)).sum()
}
