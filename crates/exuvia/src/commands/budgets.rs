//! `exuvia budgets`: what is used of them.

use std::process::ExitCode;

use anyhow::{Result, bail};
use exuvia_access::budget::{CountedBudget, counted};
use exuvia_admin::budget_members;
use exuvia_config::{JournalStore, Paths, Sources};
use exuvia_gateway::now_ms;
use exuvia_text::one_line;
use exuvia_tool::{Cost, Quantity};
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
    let members = budget_members(&config.access, &*store).await?;
    let found = counted(&*store, &config.access.budgets, &members, now_ms()).await?;
    match json {
        true => printed_json(&self::json(&found)),
        false => printed(&text(&found)),
    }
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
