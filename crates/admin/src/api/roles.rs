//! Roles: what those who have one see and may call.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::keys;
use super::page::Page;
use crate::answer::ApiError;
use crate::operation::Ask;

/// A role of the configuration.
#[derive(Serialize, JsonSchema)]
pub(super) struct RoleView {
    /// Its name.
    name: String,
    /// What it sees of what servers show. Null: all of it.
    tools: Option<Vec<String>>,
    /// What runs without asking. Null: as the servers' own lists say.
    auto_execute: Option<Vec<String>>,
    /// What is never called, beside the servers' own lists.
    deny: Vec<String>,
    /// Its only profile.
    profile: Option<String>,
    /// Limits that are lower for it.
    limits: BTreeMap<&'static str, u64>,
    /// Whether it may read metrics.
    reads_metrics: bool,
    /// Keys that have it.
    keys: usize,
    /// Tools that scripts of it see now. Null: the gateway is starting.
    visible_tools: Option<usize>,
}

pub(super) async fn list(ask: Ask) -> Result<Page<RoleView>, ApiError> {
    let (config, issued) = (ask.admin.sources().config(), keys::issued(&ask.admin).await?);
    let gateway = ask.admin.gateway().ok();
    let mut roles = Vec::new();
    for (name, role) in &config.access.roles {
        let view = match &gateway {
            Some(gateway) => gateway.view_ready(None, Some(name)).await,
            None => None,
        };
        let visible = view.map(|view| view.namespace().servers().iter().map(|server| server.tools().len()).sum());
        let configured = config.access.keys.values().filter(|key| key.role == *name).count();
        let keys = configured + issued.iter().filter(|key| key.role == *name && key.revoked_ms.is_none()).count();
        let limits = [
            ("fuel", role.limits.fuel),
            ("wall_ms", role.limits.wall_ms),
            ("memory_bytes", role.limits.memory_bytes),
            ("tool_calls", role.limits.tool_calls),
            ("concurrent_calls", role.limits.concurrent_calls.map(|calls| calls as u64)),
            ("call_timeout_ms", role.limits.call_timeout_ms),
        ];
        roles.push(RoleView {
            name: name.clone(),
            tools: role.rules.tools.clone(),
            auto_execute: role.rules.auto_execute.clone(),
            deny: role.rules.deny.clone(),
            profile: role.profile.clone(),
            limits: limits.into_iter().filter_map(|(name, limit)| Some((name, limit?))).collect(),
            reads_metrics: role.reads_metrics,
            keys,
            visible_tools: visible,
        });
    }
    Ok(Page::whole(roles))
}

/// A number of the configuration's unit: costs have decimals.
pub(super) fn amount(quantity: exuvia_tool::Quantity, amount: u64) -> Value {
    match quantity {
        exuvia_tool::Quantity::Cost => serde_json::to_value(exuvia_tool::Cost::from_micros(amount)).unwrap_or_default(),
        _ => Value::from(amount),
    }
}
