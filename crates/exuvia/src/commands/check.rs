//! `exuvia check`: the decision on a client's script, with reasons. Runs nothing.

use std::io::{Write as _, stdout};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use exuvia_gateway::AdmissionVerdict;

use crate::app::{App, Recording, configured, view_of};
use crate::args::CheckArgs;
use crate::check_report::{CheckJson, check_text};
use crate::exit;
use crate::script;
use crate::terminal::{self, Terminal};

pub(crate) async fn check(args: CheckArgs) -> Result<ExitCode> {
    let terminal = Terminal::new();
    let script = script::read(&args.script).await?;
    let config = configured(args.clients.clone().into(), &terminal).await?;
    let profiles = config.profiles();
    let app = tokio::select! {
        app = App::start_for(&script, config, profiles, &terminal, Recording::MemoryOnly) => app?,
        _ = tokio::signal::ctrl_c() => return Ok(exit::CANCELLED.into()),
    };
    let view = view_of(&app.gateway, args.role.as_deref())?;
    let (checked, visible) = (app.gateway.check(&view, &script), view.namespace());
    app.end().await;
    terminal.clear_progress();
    if args.json {
        terminal::print_json(&serde_json::to_string(&CheckJson::new(&checked))?)?;
    } else {
        stdout().write_all(check_text(&checked, &visible).as_bytes()).context("standard output")?;
    }
    Ok(status(&checked.verdict).into())
}

/// The status that a run of the script would end with, as far as that is known.
fn status(verdict: &AdmissionVerdict) -> u8 {
    match verdict {
        AdmissionVerdict::Allowed(_) => 0,
        AdmissionVerdict::Invalid(_) => exit::RAISED,
        AdmissionVerdict::TooLarge(_) => exit::STOPPED,
        AdmissionVerdict::NeedsApproval(_) | AdmissionVerdict::Denied(_) => exit::DENIED,
    }
}
