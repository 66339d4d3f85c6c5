//! `exuvia functions`: what may be called is what a person promoted, and this is where.

mod listed;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use exuvia_admin::{FunctionText, FunctionsError, SavedFunctions, function_act, function_diff, function_files};
use exuvia_config::{Config, Paths, Sources};
use exuvia_functions::{Function, FunctionName, from_script};
use exuvia_journal::{FunctionState, NewFunction, ProposalBounds, Proposed};
use exuvia_text::printable;
use exuvia_tool::RunId;

use super::runs::{printed, printed_json};
use crate::app::from_files;
use crate::functions_args::{FunctionsArgs, FunctionsCommand, Which};
use crate::journal::{FUNCTIONS_IN_MEMORY, StorePlace, open_archives, record};
use crate::terminal::Terminal;

/// How long it takes until every process knows of a change, and a little more.
const KNOWN_BY_ALL: Duration = Duration::from_millis(1_500);

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
    let saved = saved(&config).await?;
    let terminal = Terminal::new();
    match command {
        FunctionsCommand::List { json: true } => printed_json(&listed::json(saved.list())),
        FunctionsCommand::List { json: false } => printed(&listed::table_of(saved.list())),
        FunctionsCommand::Show { which, raw: true } => printed(&text(&saved, &which).await?.source),
        FunctionsCommand::Show { which, raw: false } => {
            let text = text(&saved, &which).await?;
            printed(&format!("{}\n{}\n", listed::about(&text), printable(&text.source)))
        }
        FunctionsCommand::Diff { which } => {
            let text = text(&saved, &which).await?;
            let diff = function_diff(saved.promoted_text(&which.name).await?.as_ref(), &text);
            match diff.is_empty() {
                true => printed(&format!("{}: just this text is promoted\n", text.name)),
                false => printed(&diff),
            }
        }
        FunctionsCommand::Promote { which } => {
            let text = text(&saved, &which).await?;
            let version = saved.promote(&text).await?;
            terminal.print(&format!("promoted: {}, version {version}, sha256 {}", text.name, text.sha256));
            tokio::time::sleep(KNOWN_BY_ALL).await;
            Ok(ExitCode::SUCCESS)
        }
        FunctionsCommand::Retire { which } => {
            let sha256 = match &which.sha256 {
                Some(_) => Some(text(&saved, &which).await?.sha256),
                None => None,
            };
            saved.retire(&which.name, sha256).await.map_err(with_hint)?;
            terminal.print(&format!("retired: {}", which.name));
            tokio::time::sleep(KNOWN_BY_ALL).await;
            Ok(ExitCode::SUCCESS)
        }
        FunctionsCommand::Propose { .. } => Ok(ExitCode::SUCCESS),
    }
}

/// Everything that is known.
async fn saved(config: &Config) -> Result<SavedFunctions> {
    let store = match StorePlace::of(&config.journal)? {
        StorePlace::Memory => bail!(FUNCTIONS_IN_MEMORY),
        place => place.opened().await?.functions,
    };
    let dir = config.functions.as_ref().and_then(|functions| functions.dir.clone());
    let files = from_files(move || Ok(function_files(dir.as_deref())?)).await?;
    Ok(SavedFunctions::read(store, files).await?)
}

/// The text that is meant.
async fn text(saved: &SavedFunctions, Which { name, sha256 }: &Which) -> Result<FunctionText> {
    saved.text(name, sha256.as_deref()).await.map_err(with_hint)
}

/// An error with the command or option that goes on from there.
fn with_hint(error: FunctionsError) -> anyhow::Error {
    match error {
        FunctionsError::Unknown(_) => anyhow!("{error}; `exuvia functions list` shows what there is"),
        FunctionsError::Ambiguous(_) => anyhow!("{error}; choose one by --sha256"),
        _ => error.into(),
    }
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
    if start.session.as_ref().is_some_and(|session| session.after.is_some()) {
        bail!(
            "run {run} went on with what earlier scripts of its session had left: run all of it as one script, and propose that"
        );
    }
    match found.end().map(|end| end.outcome.as_str()) {
        Some("returned") => {}
        Some(other) => bail!("run {run} ended as {other}: a function is made of a run that returned"),
        None => bail!("run {run} has no end yet: a function is made of a run that returned"),
    }
    let source = from_script(&name, &start.source, run)?;
    let function = Function::read(name, &source)?;
    let new = NewFunction {
        name: function.name().to_string(),
        sha256: function.sha256().to_owned(),
        source,
        act: function_act(Some(RunId::new(run))),
    };
    let saved = saved(config).await?;
    // The operator is bounded by the store alone.
    let bounds = ProposalBounds { pending: u64::MAX, pending_per_principal: u64::MAX };
    let terminal = Terminal::new();
    match saved.store().propose(&new, bounds).await? {
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
