//! `exuvia budgets`: what is used of them.

use std::process::ExitCode;

use anyhow::{Result, bail};
use exuvia_access::budget::{CountedBudget, Member, counted};
use exuvia_config::{Config, JournalStore, Paths, Sources};
use exuvia_gateway::now_ms;
use exuvia_journal::{AccessStore, StoredKey};
use exuvia_text::one_line;
use exuvia_tool::{Cost, Principal, Quantity};
use serde_json::{Value, json};

use super::runs::{printed, printed_json, table, utc};
use crate::args::BudgetsCommand;
use crate::file_threads::FileThreads;
use crate::journal::StorePlace;

/// How much of a name is shown, in characters.
const NAME_CHARS: usize = 80;

pub(crate) async fn budgets(command: BudgetsCommand) -> Result<ExitCode> {
    let BudgetsCommand::List { servers, json } = command;
    let config = FileThreads::default().run(move || Sources::from(servers).load(&Paths::of_user())).await??;
    if config.journal.store == JournalStore::Memory {
        bail!("budgets are counted in the memory of each process: see its metrics");
    }
    let store = StorePlace::of(&config.journal)?.open().await?;
    let members = members(&config, &*store).await?;
    let found = counted(&*store, &config.access.budgets, &members, now_ms()).await?;
    match json {
        true => printed_json(&self::json(&found)),
        false => printed(&text(&found)),
    }
}

/// The operator and all keys. Users of identity providers are found by what they used.
async fn members(config: &Config, store: &dyn AccessStore) -> Result<Vec<Member>> {
    let operator =
        Member { principal: Principal::Operator, role: None, labels: Default::default(), overrides: Vec::new() };
    let configured = config.access.keys.iter().map(|(name, key)| Member {
        principal: Principal::Key(name.as_str().into()),
        role: Some(key.role.clone()),
        labels: key.labels.clone(),
        overrides: Vec::new(),
    });
    let issued =
        store.keys_since(0).await?.keys.into_iter().map(|StoredKey { name, role, labels, overrides, .. }| Member {
            principal: Principal::Key(name.into()),
            role: Some(role),
            labels,
            overrides,
        });
    Ok([operator].into_iter().chain(configured).chain(issued).collect())
}

fn text(found: &[CountedBudget]) -> String {
    if found.is_empty() {
        return "no budgets, or nothing used of them\n".to_owned();
    }
    let headings = ["BUDGET", "PRINCIPAL", "OF", ">USED", ">LIMIT", "UNTIL"];
    let row = |one: &CountedBudget| {
        let principal = one.principal.as_ref().map_or_else(|| "all".to_owned(), ToString::to_string);
        [
            one_line(&one.budget, NAME_CHARS),
            one_line(&principal, NAME_CHARS),
            one.quantity.name().to_owned(),
            amount(one.quantity, one.used).to_string(),
            amount(one.quantity, one.limit).to_string(),
            utc(one.window.end_ms),
        ]
    };
    table(headings, found.iter().map(row))
}

fn json(found: &[CountedBudget]) -> Value {
    let one = |one: &CountedBudget| {
        json!({
            "budget": one.budget,
            "principal": one.principal,
            "quantity": one.quantity.name(),
            "used": amount(one.quantity, one.used),
            "limit": amount(one.quantity, one.limit),
            "from": utc(one.window.start_ms),
            "until": utc(one.window.end_ms),
        })
    };
    json!({"budgets": found.iter().map(one).collect::<Vec<_>>()})
}

/// An amount in the unit of the configuration.
fn amount(quantity: Quantity, amount: u64) -> Value {
    if quantity == Quantity::Cost { json!(Cost::from_micros(amount)) } else { json!(amount) }
}
