//! `exuvia budgets`: what is used of them, as the daemon that counts it says, or its store.

use std::process::ExitCode;

use anyhow::{Result, bail};
use exuvia_access::budget::{CountedBudget, counted};
use exuvia_admin::budget_members;
use exuvia_config::{Config, JournalStore, Paths, Sources};
use exuvia_gateway::now_ms;
use exuvia_text::one_line;
use exuvia_tool::{Cost, Quantity};
use serde_json::{Value, json};

use super::daemons::{daemon_with_store, daemons};
use super::runs::{printed, printed_json, table, utc};
use crate::args::BudgetsCommand;
use crate::file_threads::FileThreads;
use crate::journal::StorePlace;

/// How much of a name is shown, in characters.
const NAME_CHARS: usize = 80;

/// What is used of a budget.
struct Used {
    budget: String,
    /// None: that of everyone.
    principal: Option<String>,
    quantity: String,
    used: Value,
    limit: Value,
    from_ms: u64,
    until_ms: u64,
}

pub(crate) async fn budgets(command: BudgetsCommand) -> Result<ExitCode> {
    let BudgetsCommand::List { servers, json } = command;
    let config = FileThreads::default().run(move || Sources::from(servers).load(&Paths::of_user())).await??;
    let found = match by_daemon(&config).await? {
        Some(found) => found,
        None => by_store(&config).await?,
    };
    match json {
        true => printed_json(&json!({"budgets": found.iter().map(self::json).collect::<Vec<_>>()})),
        false => printed(&text(&found)),
    }
}

/// As the daemon says that keeps the counters: in the store, or in its memory. None: no daemon does.
async fn by_daemon(config: &Config) -> Result<Option<Vec<Used>>> {
    let place = StorePlace::of(&config.journal)?;
    let found = match place {
        StorePlace::Memory => daemons(&config.journal).await.into_iter().next(),
        place => daemon_with_store(&config.journal, &place).await,
    };
    let Some(mut daemon) = found else { return Ok(None) };
    let said = daemon.get("/budgets").await?;
    let of_budget = |budget: &Value| {
        let counters = budget["counters"].as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let name = text(&budget["budget"]).unwrap_or_default();
        counters.into_iter().map(move |counter| Used {
            budget: name.clone(),
            principal: text(&counter["principal"]),
            quantity: text(&counter["quantity"]).unwrap_or_default(),
            used: counter["used"].clone(),
            limit: counter["limit"].clone(),
            from_ms: counter["from_ms"].as_u64().unwrap_or_default(),
            until_ms: counter["until_ms"].as_u64().unwrap_or_default(),
        })
    };
    Ok(Some(said["items"].as_array().into_iter().flatten().flat_map(of_budget).collect()))
}

async fn by_store(config: &Config) -> Result<Vec<Used>> {
    if config.journal.store == JournalStore::Memory {
        bail!("budgets are counted in the memory of each process, and no daemon of this user is running");
    }
    let store = StorePlace::of(&config.journal)?.open().await?;
    let members = budget_members(&config.access, &*store).await?;
    let found = counted(&*store, &config.access.budgets, &members, now_ms()).await?;
    let used = |one: CountedBudget| Used {
        budget: one.budget,
        principal: one.principal.as_ref().map(ToString::to_string),
        quantity: one.quantity.name().to_owned(),
        used: amount(one.quantity, one.used),
        limit: amount(one.quantity, one.limit),
        from_ms: one.window.start_ms,
        until_ms: one.window.end_ms,
    };
    Ok(found.into_iter().map(used).collect())
}

fn text(found: &[Used]) -> String {
    if found.is_empty() {
        return "no budgets, or nothing used of them\n".to_owned();
    }
    let headings = ["BUDGET", "PRINCIPAL", "OF", ">USED", ">LIMIT", "UNTIL"];
    let row = |one: &Used| {
        [
            one_line(&one.budget, NAME_CHARS),
            one_line(one.principal.as_deref().unwrap_or("all"), NAME_CHARS),
            one_line(&one.quantity, NAME_CHARS),
            one.used.to_string(),
            one.limit.to_string(),
            utc(one.until_ms),
        ]
    };
    table(headings, found.iter().map(row))
}

fn json(one: &Used) -> Value {
    json!({
        "budget": one.budget,
        "principal": one.principal,
        "quantity": one.quantity,
        "used": one.used,
        "limit": one.limit,
        "from": utc(one.from_ms),
        "until": utc(one.until_ms),
    })
}

/// An amount in the unit of the configuration.
fn amount(quantity: Quantity, amount: u64) -> Value {
    if quantity == Quantity::Cost { json!(Cost::from_micros(amount)) } else { json!(amount) }
}
