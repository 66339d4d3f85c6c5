//! Budgets, and what is used of them.

use std::collections::BTreeMap;

use exuvia_access::budget::counted;
use exuvia_config::{BudgetAction, BudgetConfig, Each, Members};
use exuvia_gateway::now_ms;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::page::Page;
use super::roles::amount;
use crate::answer::ApiError;
use crate::budget_members::budget_members;
use crate::operation::Ask;

/// A budget of the configuration.
#[derive(Serialize, JsonSchema)]
pub(super) struct BudgetView {
    /// Its name.
    budget: String,
    /// What happens at a limit: `refuse` or `report`.
    action: &'static str,
    /// How long its counters count: `hour`, `day`, and so on.
    period: &'static str,
    /// Whether each key, each user and the operator has a counter.
    each: bool,
    /// Whom it is for. Empty: everyone.
    who: Vec<String>,
    /// What is counted in the present period.
    counters: Vec<CounterView>,
}

/// What is counted.
#[derive(Serialize, JsonSchema)]
struct CounterView {
    /// Whose counter it is. Null: that of everyone.
    principal: Option<String>,
    /// Of what: `runs`, `calls`, `fuel`, `wall_ms`, `cost`.
    quantity: &'static str,
    /// How much is used, with what processes have leased and may give back.
    #[schemars(with = "f64")]
    used: Value,
    /// How much may be.
    #[schemars(with = "f64")]
    limit: Value,
    /// When the period began, in milliseconds since the epoch.
    from_ms: u64,
    /// When it ends, in milliseconds since the epoch.
    until_ms: u64,
}

pub(super) async fn list(ask: Ask) -> Result<Page<BudgetView>, ApiError> {
    let config = ask.admin.sources().config();
    let budgets = &config.access.budgets;
    if budgets.is_empty() {
        return Ok(Page::whole(Vec::new()));
    }
    let store = ask.admin.sources().counters();
    let members = budget_members(&config.access, &*store).await?;
    let mut counters = BTreeMap::<String, Vec<CounterView>>::new();
    for one in counted(&*store, budgets, &members, now_ms()).await? {
        counters.entry(one.budget).or_default().push(CounterView {
            principal: one.principal.map(|principal| principal.to_string()),
            quantity: one.quantity.name(),
            used: amount(one.quantity, one.used),
            limit: amount(one.quantity, one.limit),
            from_ms: one.window.start_ms,
            until_ms: one.window.end_ms,
        });
    }
    let view = |(name, budget): (&String, &BudgetConfig)| BudgetView {
        budget: name.clone(),
        action: if budget.action == BudgetAction::Report { "report" } else { "refuse" },
        period: budget.period.name(),
        each: budget.each == Each::Key,
        who: who(&budget.members),
        counters: counters.remove(name).unwrap_or_default(),
    };
    Ok(Page::whole(budgets.iter().map(view).collect()))
}

fn who(members: &Members) -> Vec<String> {
    let Members { roles, keys, principals, labels } = members;
    let roles = roles.iter().map(|role| format!("role {role}"));
    let keys = keys.iter().map(|key| format!("key {key}"));
    let principals = principals.iter().map(ToString::to_string);
    let labels = labels.iter().map(|(name, value)| format!("label {name}={value}"));
    roles.chain(keys).chain(principals).chain(labels).collect()
}
