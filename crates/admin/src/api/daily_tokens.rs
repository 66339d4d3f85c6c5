//! What the models of clients would have paid with every tool in their context, and what they paid.

use exuvia_gateway::{Gateway, meta};
use exuvia_journal::{TokenKind, TokenSum};
use exuvia_text::tokens;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::usage::{DAY_MS, DaysQuery};
use crate::answer::ApiError;
use crate::operation::{Ask, Nothing};
use crate::sources::EffectiveConfig;
use crate::time::day;

/// Tokens by day, each estimated from the texts. A turn of a model costs the definitions in its context, what it writes and what it is answered
/// then; that it reads earlier turns again is left out on both sides.
#[derive(Serialize, JsonSchema)]
pub(super) struct DailyTokens {
    /// The definitions of all tools that servers list now: what each turn of a model costs that has them in its context.
    schema_tokens: u64,
    /// The definitions of the meta-tools and of tools of direct servers: what each turn costs with this gateway.
    meta_tokens: u64,
    /// By day, the oldest first.
    items: Vec<DayOfTokens>,
}

/// A day, in UTC.
#[derive(Serialize, JsonSchema)]
struct DayOfTokens {
    /// The day: `2026-11-30`.
    day: String,
    /// Scripts that were sent.
    runs: u64,
    /// Calls of tools, by scripts and by clients themselves.
    calls: u64,
    /// What would have been paid in all.
    would: u64,
    /// What was paid in all.
    paid: u64,
    /// What would have been paid with all tools in the context, and a turn for each call.
    would_parts: WouldParts,
    /// What was paid with this gateway.
    paid_parts: PaidParts,
}

/// What would have been paid.
#[derive(Serialize, JsonSchema)]
struct WouldParts {
    /// Definitions of all tools, once for each call.
    definitions: u64,
    /// Arguments and answers of all calls, of those of scripts too.
    calls: u64,
}

/// What was paid.
#[derive(Serialize, JsonSchema)]
struct PaidParts {
    /// Definitions of the meta-tools and of tools of direct servers, once for each question, script and call that a client made itself.
    definitions: u64,
    /// Questions about tools and their answers.
    discovery: u64,
    /// Scripts.
    scripts: u64,
    /// Results, logs and errors of scripts.
    results: u64,
    /// Arguments and answers of calls that clients made themselves.
    direct: u64,
}

pub(super) async fn show(ask: Ask<Nothing, DaysQuery>) -> Result<DailyTokens, ApiError> {
    let (begins, gateway) = (ask.query.begins_ms()?, ask.admin.gateway()?);
    let _place = ask.admin.heavy_place().await?;
    let config = ask.admin.sources().config();
    let counted = tokio::task::spawn_blocking(move || definitions(&gateway, &config)).await;
    let (schema_tokens, meta_tokens) = counted.map_err(|_| ApiError::unavailable("tokens could not be counted"))?;
    let journals = ask.admin.sources().journals().await?;
    let (since, until) = (begins.first().copied().unwrap_or(0), begins.last().map_or(0, |last| last + DAY_MS));
    let sums = journals.tokens(since, until).await?;
    let items = begins.iter().map(|begin| DayOfTokens::of(*begin, &sums, (schema_tokens, meta_tokens))).collect();
    Ok(DailyTokens { schema_tokens, meta_tokens, items })
}

impl DayOfTokens {
    fn of(begin: u64, sums: &[TokenSum], (schemas, meta): (u64, u64)) -> Self {
        let of = |kind| {
            let sums = sums.iter().filter(|sum| sum.day_ms == begin && sum.kind == kind);
            sums.fold((0_u64, 0_u64), |all, sum| (all.0.saturating_add(sum.count), all.1.saturating_add(sum.tokens)))
        };
        let (calls, call_tokens) = of(TokenKind::Call);
        let (direct, direct_tokens) = of(TokenKind::Direct);
        let (runs, script_tokens) = of(TokenKind::Script);
        let (questions, discovery) = of(TokenKind::Lookup);
        let (_, results) = of(TokenKind::Result);
        let would = WouldParts {
            definitions: (calls + direct).saturating_mul(schemas),
            calls: call_tokens.saturating_add(direct_tokens),
        };
        let paid = PaidParts {
            definitions: (runs + questions + direct).saturating_mul(meta),
            discovery,
            scripts: script_tokens,
            results,
            direct: direct_tokens,
        };
        let all = |parts: &[u64]| parts.iter().fold(0, |sum: u64, part| sum.saturating_add(*part));
        Self {
            day: day(begin),
            runs,
            calls: calls + direct,
            would: all(&[would.definitions, would.calls]),
            paid: all(&[paid.definitions, paid.discovery, paid.scripts, paid.results, paid.direct]),
            would_parts: would,
            paid_parts: paid,
        }
    }
}

/// Of the definitions of all tools, and of those that are in the context with this gateway.
fn definitions(gateway: &Gateway, config: &EffectiveConfig) -> (u64, u64) {
    let is_direct = |name: &str| config.servers.iter().any(|server| server.name == name && server.mode == "direct");
    let (mut all, mut shown) = (0, meta_tokens());
    for server in gateway.servers().iter() {
        let of_server: u64 = server
            .tools
            .iter()
            .map(|tool| definition(&tool.name, tool.description.as_deref(), &tool.input_schema))
            .sum();
        all += of_server;
        shown += if is_direct(&server.name) { of_server } else { 0 };
    }
    (all, shown)
}

/// Of one definition, as clients hand it to their models.
fn definition(name: &str, description: Option<&str>, schema: &impl Serialize) -> u64 {
    let definition = json!({"name": name, "description": description, "inputSchema": schema});
    tokens(&definition.to_string(), usize::MAX) as u64
}

fn meta_tokens() -> u64 {
    let of = |tool: &&meta::MetaTool| definition(tool.name, Some(tool.description), &tool.input_schema());
    meta::TOOLS.iter().map(of).sum()
}
