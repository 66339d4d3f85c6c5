//! `exuvia sessions`: the sessions of scripts, as their files have them.

use std::fmt::Write as _;
use std::io::{Write as _, stdout};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use exuvia_config::Paths;
use exuvia_gateway::{Forgotten, SessionState, Sessions, now_ms};
use exuvia_text::one_line;

use crate::file_threads::FileThreads;
use crate::session_args::{SessionArgs, SessionCommand};

/// How much of a name is shown, in characters.
const NAME_CHARS: usize = 200;

pub(crate) async fn sessions(SessionArgs { command }: SessionArgs) -> Result<ExitCode> {
    FileThreads::default().run(move || done(command)).await?
}

fn done(command: SessionCommand) -> Result<ExitCode> {
    let directory = Paths::of_user().session_dir.context("no home directory, so that no sessions are kept")?;
    let sessions = Sessions::kept_in(Some(directory));
    match command {
        SessionCommand::List { principal, json } => {
            let all = sessions.list(principal.as_ref()).context("reading sessions")?;
            let text = if json { serde_json::to_string_pretty(&all)? + "\n" } else { listed(&all) };
            stdout().write_all(text.as_bytes()).context("standard output")?;
            Ok(ExitCode::SUCCESS)
        }
        SessionCommand::Drop { name, principal, profile } => {
            match sessions.forget(&principal, profile.as_deref(), &name).context("removing the session")? {
                Forgotten::Done => {}
                Forgotten::InUse => anyhow::bail!("a script of session {name:?} of {principal} runs"),
                _ => anyhow::bail!("{principal} has no session {name:?}"),
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn listed(all: &[SessionState]) -> String {
    let mut lines = String::new();
    for state in all {
        let SessionState { name, principal, profile, scripts, fuel, used_ms, lost, .. } = state;
        let profile = profile.as_ref().map_or_else(String::new, |profile| format!(" ({profile})"));
        let lost = lost.as_ref().map_or_else(String::new, |why| format!("; lost: {why}"));
        let minutes = now_ms().saturating_sub(*used_ms) / 60_000;
        let scripts = scripts.len();
        let line = format!("{principal} {name}{profile}: {scripts} scripts, {fuel} fuel, used {minutes} min ago{lost}");
        // Writing to a string does not fail.
        let _ = writeln!(lines, "{}", one_line(&line, NAME_CHARS));
    }
    lines
}
