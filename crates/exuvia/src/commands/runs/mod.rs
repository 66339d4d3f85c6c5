//! `exuvia runs`: what the journal has of runs and direct calls.

mod exporting;
mod list;
mod show;
mod stats;
mod table;

use std::io::{Write as _, stdout};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use exuvia_gateway::now_ms;
use exuvia_journal::{Erasure, Filter};
use exuvia_policy::Redaction;
use exuvia_tool::Principal;

use super::daemons;
use crate::file_threads::FileThreads;
use crate::journal::{Archives, open_archives, record, unknown};
use crate::journal_args::{JournalArgs, RunsArgs, RunsCommand};
use crate::terminal::{self, Terminal};
pub(crate) use exuvia_admin::{Exported, utc};
pub(crate) use show::shown;
pub(crate) use table::table;

pub(crate) async fn runs(args: RunsArgs) -> Result<ExitCode> {
    if let RunsCommand::Schema = args.command {
        return printed(&(serde_json::to_string_pretty(&exuvia_admin::schema())? + "\n"));
    }
    if let RunsCommand::Erase { runs } = args.command {
        return erase(args.journal, &runs).await;
    }
    let (archives, redaction) = opened(args.journal).await?;
    match args.command {
        RunsCommand::List { filter, limit, json } => {
            let filter = Filter { limit: limit as usize, ..filter.into() };
            let found = archives.list(&filter).await?;
            match json {
                true => printed_json(&list::json(&found, &redaction)),
                false => printed(&list::text(&found, &redaction)),
            }
        }
        RunsCommand::Show { run, calls, json } => {
            let id = match run {
                Some(run) => run,
                None => latest_run(&archives).await?,
            };
            let (_, found) = record(&archives, &id).await?;
            let exported = Exported::of(&found, &redaction);
            match json {
                true => printed_json(&exported),
                false => printed(&shown(&exported, calls)),
            }
        }
        RunsCommand::Export { runs, filter } => exporting::export(&archives, &redaction, &runs, &filter.into()).await,
        RunsCommand::Stats { filter, json } => {
            let stats = archives.stats(&filter.into()).await?;
            match json {
                true => printed_json(&stats::json(&stats)),
                false => printed(&stats::text(&stats)),
            }
        }
        RunsCommand::Schema | RunsCommand::Cancel { .. } | RunsCommand::Erase { .. } => Ok(ExitCode::SUCCESS),
    }
}

/// The journals, and what is hidden of them.
pub(crate) async fn opened(args: JournalArgs) -> Result<(Archives, Redaction)> {
    let open = move || {
        let config = args.load()?;
        anyhow::Ok((open_archives(&config)?, config.redaction))
    };
    FileThreads::default().run(open).await.context("the journal cannot be read")?
}

pub(crate) async fn latest_run(archives: &Archives) -> Result<String> {
    const PAGE: usize = 100;
    let found = archives.list(&Filter { limit: PAGE, ..Filter::default() }).await?;
    match found.iter().find_map(|summary| summary.origin.run()) {
        Some(run) => Ok(run.to_string()),
        None => bail!("no run is recorded yet"),
    }
}

/// By the daemon that has the run, which records who did it; else here.
async fn erase(args: JournalArgs, runs: &[String]) -> Result<ExitCode> {
    let open = move || {
        let config = args.load()?;
        anyhow::Ok((open_archives(&config), config))
    };
    let (archives, config) = FileThreads::default().run(open).await.context("the journal cannot be read")??;
    let mut running = daemons::daemons(&config).await;
    let terminal = Terminal::new();
    let erasure = Erasure { principal: Principal::Operator, at_ms: now_ms() };
    for id in runs {
        let is_erased = daemons::erase(&mut running, id).await?
            || match &archives {
                Ok(archives) => archives.erase(id, &erasure).await?,
                // One in memory is with its daemon alone.
                Err(_) if !running.is_empty() => false,
                Err(error) => bail!("{error:#}"),
            };
        if !is_erased {
            return Err(unknown(id));
        }
        terminal.print(&format!("erased: {id}"));
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn printed(text: &str) -> Result<ExitCode> {
    stdout().write_all(text.as_bytes()).context("standard output")?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn printed_json(value: &impl serde::Serialize) -> Result<ExitCode> {
    terminal::print_json(&serde_json::to_string(value)?)?;
    Ok(ExitCode::SUCCESS)
}
