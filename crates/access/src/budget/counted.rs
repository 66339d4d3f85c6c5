//! What the store has counted of budgets, for whoever looks at it from outside.

use std::collections::BTreeMap;

use exuvia_config::{BudgetConfig, Each};
use exuvia_journal::{AccessStore, AccessStoreError, BudgetOverride, CounterWindow, MAX_COUNTERS, MAX_NAMES};
use exuvia_tool::{Principal, Quantity};

use super::account::counter;
use super::calendar::Window;
use super::definition::Definition;
use crate::Labels;

/// One who may have used something.
#[derive(Debug, Clone)]
pub struct Member {
    /// Who acts.
    pub principal: Principal,
    /// Their role. None: the operator has none.
    pub role: Option<String>,
    /// The labels of their key.
    pub labels: Labels,
    /// The budgets that are other ones for their key.
    pub overrides: Vec<BudgetOverride>,
}

/// How much is used of a budget.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CountedBudget {
    /// The budget's name.
    pub budget: String,
    /// Whose counter it is. None: that of everyone whom the budget is for.
    pub principal: Option<Principal>,
    /// Of what.
    pub quantity: Quantity,
    /// How much is used in the present period, with what processes have leased and may give back.
    pub used: u64,
    /// How much may be.
    pub limit: u64,
    /// The present period.
    pub window: Window,
}

/// What is counted of these budgets: of one with a counter for each, those of these members and of all users that used something. Users of
/// identity providers are known by their counters alone.
///
/// # Errors
///
/// The store does not answer.
pub async fn counted(
    store: &dyn AccessStore,
    budgets: &BTreeMap<String, BudgetConfig>,
    members: &[Member],
    now_ms: u64,
) -> Result<Vec<CountedBudget>, AccessStoreError> {
    let mut all = Vec::new();
    for (name, config) in budgets {
        let definition = Definition::new(name, config.clone());
        let window = definition.calendar.window(now_ms);
        let is_member =
            |member: &&Member| config.members.have(&member.principal, member.role.as_deref(), &member.labels);
        let whose: Vec<Option<&Member>> = match config.each {
            Each::All => vec![None],
            Each::Key => members.iter().filter(is_member).map(Some).collect(),
        };
        for member in whose {
            let limits = definition.limits(member.map_or(&[], |member| &member.overrides), now_ms);
            let of_quantity = |quantity| {
                let principal = member.map(|member| member.principal.clone());
                let limit = limits.of(quantity, now_ms)?;
                Some(CountedBudget { budget: name.clone(), principal, quantity, used: 0, limit, window })
            };
            all.extend(Quantity::ALL.into_iter().filter_map(of_quantity));
        }
        if config.each == Each::Key {
            let limits = definition.limits(&[], now_ms);
            for quantity in Quantity::ALL {
                let Some(limit) = limits.of(quantity, now_ms) else { continue };
                let users = users(store, name, config.period.name(), quantity, window).await?;
                let of_user = |user| CountedBudget {
                    budget: name.clone(),
                    principal: Some(user),
                    quantity,
                    used: 0,
                    limit,
                    window,
                };
                all.extend(users.into_iter().map(of_user));
            }
        }
    }
    for part in all.chunks_mut(MAX_COUNTERS) {
        let windows: Vec<CounterWindow> = part.iter().map(|one| window_of(one, budgets)).collect();
        let used = store.read(&windows).await?;
        part.iter_mut().zip(used).for_each(|(one, used)| one.used = used);
    }
    all.retain(|one| one.principal.is_none() || one.used > 0);
    Ok(all)
}

/// The users that have a counter in this window.
async fn users(
    store: &dyn AccessStore,
    budget: &str,
    period: &str,
    quantity: Quantity,
    window: Window,
) -> Result<Vec<Principal>, AccessStoreError> {
    let everyone = counter(budget, period, quantity, Some(""));
    let (prefix, mut found, mut after) = (format!("{everyone}user:"), Vec::new(), String::new());
    loop {
        let names = store.names(&prefix, window.start_ms, &after).await?;
        let is_last = names.len() < MAX_NAMES;
        after = names.last().cloned().unwrap_or_default();
        // A counter whose name no principal has is of a program that names them in another way.
        found.extend(names.iter().filter_map(|name| name.strip_prefix(&everyone)?.parse().ok()));
        if is_last {
            return Ok(found);
        }
    }
}

fn window_of(one: &CountedBudget, budgets: &BTreeMap<String, BudgetConfig>) -> CounterWindow {
    let period = budgets.get(&one.budget).map_or("", |config| config.period.name());
    let whose = one.principal.as_ref().map(ToString::to_string);
    let counter = counter(&one.budget, period, one.quantity, whose.as_deref());
    CounterWindow { counter, window_start_ms: one.window.start_ms }
}
