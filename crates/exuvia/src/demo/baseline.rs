//! The demo's work without a sandbox: a model that has every tool and reads every result. The calls are really made.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::child_client::{ChildClient, text};
use crate::tool_tokens::ToolTokens;

/// What it cost.
pub(super) struct Baseline {
    pub(super) calls: usize,
    pub(super) definitions: usize,
    pub(super) exchanges: usize,
}

/// Makes the calls that the script made, one after the other, as a model would have to.
pub(super) async fn run_baseline(crm: &ChildClient, billing: &ChildClient, tokens: &ToolTokens) -> Result<Baseline> {
    let mut tools = crm.tools().await?;
    tools.extend(billing.tools().await?);
    let mut cost = Baseline { calls: 0, definitions: tokens.of_tools(&tools)?, exchanges: 0 };
    for offset in (0..5_000).step_by(1_000) {
        let page = cost.call(crm, tokens, "get_contacts", json!({"limit": 1_000, "offset": offset})).await?;
        for contact in page["items"].as_array().context("a page has items")? {
            let id = json!({"contact_id": contact["id"]});
            let order = cost.call(crm, tokens, "get_last_order", id.clone()).await?;
            if order["total"].as_f64().is_some_and(|total| total > 10_000.0) {
                cost.call(billing, tokens, "get_revenue", id).await?;
            }
        }
    }
    Ok(cost)
}

impl Baseline {
    async fn call(&mut self, client: &ChildClient, tokens: &ToolTokens, tool: &str, arguments: Value) -> Result<Value> {
        let result = client.call(tool, &arguments).await?;
        self.calls += 1;
        self.exchanges += tokens.of_exchange(tool, &arguments, &result);
        Ok(serde_json::from_str(&text(&result))?)
    }
}
