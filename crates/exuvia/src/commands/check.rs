//! `exuvia check`: the decision on a client's script, with reasons. Runs nothing.

use std::io::{Write as _, stdout};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use exuvia_gateway::Verdict;

use tokio_util::sync::CancellationToken;

use crate::args::CheckArgs;
use crate::check_report::{CheckJson, told};
use crate::exit;
use crate::script;
use crate::session::{Session, configured};
use crate::start::GLANCE;
use crate::terminal::{self, Terminal};

pub(crate) async fn check(args: CheckArgs) -> Result<ExitCode> {
    let terminal = Terminal::new();
    let script = script::read(&args.script).await?;
    let config = configured(args.clients.clone().into(), &terminal).await?;
    let profiles = config.profiles();
    let start = async {
        let session = Session::start(config, profiles, &terminal, CancellationToken::new(), GLANCE).await?;
        session.gateway.ready_for(&script).await;
        anyhow::Ok(session)
    };
    let session = tokio::select! {
        session = start => session?,
        _ = tokio::signal::ctrl_c() => return Ok(exit::CANCELLED.into()),
    };
    let (checked, visible) = (session.gateway.check(&script), session.gateway.namespace());
    session.end().await;
    terminal.done();
    if args.json {
        terminal::print_json(&serde_json::to_string(&CheckJson::new(&checked))?)?;
    } else {
        stdout().write_all(told(&checked, &visible).as_bytes()).context("standard output")?;
    }
    Ok(status(&checked.verdict).into())
}

/// The status that a run of the script would end with, as far as that is known.
fn status(verdict: &Verdict) -> u8 {
    match verdict {
        Verdict::Allowed(_) => 0,
        Verdict::Invalid(_) => exit::RAISED,
        Verdict::TooLarge(_) => exit::STOPPED,
        Verdict::NeedsApproval(_) | Verdict::Denied(_) => exit::DENIED,
    }
}
