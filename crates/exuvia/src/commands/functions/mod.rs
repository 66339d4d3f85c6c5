//! `exuvia functions`: what may be called is what a person promoted, and this is where.

mod known;
mod listed;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use exuvia_config::{Config, Paths, Sources};
use exuvia_functions::{Function, FunctionName, from_script};
use exuvia_gateway::now_ms;
use exuvia_journal::{FunctionAct, FunctionState, NewFunction, ProposalBounds, Proposed, Retirement};
use exuvia_text::printable;
use exuvia_tool::{Principal, RunId};
use known::{Known, Text};
use similar::TextDiff;

use super::runs::{printed, printed_json};
use crate::app::from_files;
use crate::functions_args::{FunctionsArgs, FunctionsCommand};
use crate::journal::{open_archives, record};
use crate::terminal::Terminal;

/// How long it takes until every process knows of a change, and a little more.
const KNOWN_BY_ALL: Duration = Duration::from_millis(1_500);
/// How many lines around a change are shown.
const AROUND: usize = 3;

pub(crate) async fn functions(FunctionsArgs { journal, command }: FunctionsArgs) -> Result<ExitCode> {
    let config = from_files(move || {
        let mut config = Sources { config: journal.config.clone(), ..Sources::default() }.load(&Paths::of_user())?;
        config.journal = journal.in_place(config.journal);
        Ok(config)
    });
    let config = config.await?;
    if config.functions.is_none() {
        bail!("no functions are configured: add [functions] to the configuration");
    }
    if let FunctionsCommand::Propose { run, name } = command {
        return propose(&config, &run, &name).await;
    }
    let known = Known::read(&config).await?;
    let terminal = Terminal::new();
    match command {
        FunctionsCommand::List { json: true } => printed_json(&listed::json(&known)),
        FunctionsCommand::List { json: false } => printed(&listed::table_of(&known)),
        FunctionsCommand::Show { which, raw: true } => printed(&known.text(&which).await?.source),
        FunctionsCommand::Show { which, raw: false } => {
            let text = known.text(&which).await?;
            printed(&format!("{}\n{}\n", listed::about(&text), printable(&text.source)))
        }
        FunctionsCommand::Diff { which } => {
            let text = known.text(&which).await?;
            let before = known.promoted_text(&which.name).await?;
            printed(&diff(before.as_ref(), &text))
        }
        FunctionsCommand::Promote { which } => {
            let text = known.text(&which).await?;
            promote(&known, &text, &terminal).await
        }
        FunctionsCommand::Retire { which } => {
            let sha256 = match &which.sha256 {
                Some(_) => Some(known.text(&which).await?.sha256),
                None => None,
            };
            let retirement = Retirement { name: which.name.clone(), sha256, act: act(None) };
            let retired = known.store.retire(&retirement).await?;
            if retired == 0 {
                bail!("nothing of {:?} is promoted or proposed; `exuvia functions list` shows what is", which.name);
            }
            terminal.print(&format!("retired: {}", which.name));
            tokio::time::sleep(KNOWN_BY_ALL).await;
            Ok(ExitCode::SUCCESS)
        }
        FunctionsCommand::Propose { .. } => Ok(ExitCode::SUCCESS),
    }
}

async fn promote(known: &Known, text: &Text, terminal: &Terminal) -> Result<ExitCode> {
    let name: FunctionName = text.name.parse()?;
    // What cannot be called is not promoted.
    let function = Function::read(name, &text.source)?;
    let new = NewFunction {
        name: text.name.clone(),
        sha256: function.sha256().to_owned(),
        source: text.source.clone(),
        act: act(None),
    };
    let version = known.store.promote(&new).await?;
    terminal.print(&format!("promoted: {}, version {version}, sha256 {}", new.name, new.sha256));
    tokio::time::sleep(KNOWN_BY_ALL).await;
    Ok(ExitCode::SUCCESS)
}

/// What a text changes in the promoted one, printable.
fn diff(before: Option<&Text>, after: &Text) -> String {
    let old = before.map_or("", |before| before.source.as_str());
    if old == after.source {
        return format!("{}: just this text is promoted\n", after.name);
    }
    let title = before.map_or("nothing promoted".to_owned(), |before| format!("promoted {}", &before.sha256[..12]));
    let new = format!("{} {}", after.place(), &after.sha256[..12]);
    let changes = TextDiff::from_lines(old, &after.source);
    printable(&changes.unified_diff().context_radius(AROUND).header(&title, &new).to_string())
}

fn act(run: Option<RunId>) -> FunctionAct {
    FunctionAct { principal: Principal::Operator, at_ms: now_ms(), run }
}

/// Proposes the script of a run.
async fn propose(config: &Config, run: &str, name: &str) -> Result<ExitCode> {
    let name: FunctionName = name.parse()?;
    let journal = config.journal.clone();
    let archives = from_files(move || open_archives(&journal)).await?;
    let (_, found) = record(&archives, run).await?;
    let start = found.start().with_context(|| format!("{run} is no run of a script, or its content was erased"))?;
    if start.source.is_empty() {
        bail!("the content of run {run} was erased");
    }
    let source = from_script(&name, &start.source, run)?;
    let function = Function::read(name, &source)?;
    let new = NewFunction {
        name: function.name().to_string(),
        sha256: function.sha256().to_owned(),
        source,
        act: act(Some(RunId::new(run))),
    };
    let known = Known::read(config).await?;
    // The operator is bounded by the store alone.
    let bounds = ProposalBounds { pending: u64::MAX, pending_per_principal: u64::MAX };
    let terminal = Terminal::new();
    match known.store.propose(&new, bounds).await? {
        Proposed::Stored | Proposed::Known(FunctionState::Proposed) => {
            let name = &new.name;
            terminal.print(&format!(
                "proposed: {name}; see `exuvia functions show {name}`, then `exuvia functions promote {name}`"
            ));
        }
        Proposed::Known(state) => terminal.print(&format!("{}: just this text is {}", new.name, state.name())),
        Proposed::Full { .. } => bail!("as many proposals wait as may"),
    }
    Ok(ExitCode::SUCCESS)
}
