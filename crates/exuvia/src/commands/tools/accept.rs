//! `exuvia tools accept` and `exuvia tools unpin`: the operator's word on tools that changed.

use std::io::{Write as _, stdout};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use exuvia_config::Paths;
use exuvia_gateway::now_ms;
use exuvia_pins::{Accepted, Deviation, PinFile, PinFolder, ServerPins};
use exuvia_text::line;

use crate::file_threads::FileThreads;

/// What is done with the tools that are named.
#[derive(Clone)]
enum Word {
    /// They are right as they were listed last; with a digest, if they have it.
    Accept { digest: Option<String> },
    /// Nothing is known of them.
    Unpin,
}

pub(super) async fn accept(names: Vec<String>, digest: Option<String>) -> Result<ExitCode> {
    say(Word::Accept { digest }, names).await
}

pub(super) async fn unpin(names: Vec<String>) -> Result<ExitCode> {
    say(Word::Unpin, names).await
}

/// Every name has to mean something, or nothing of the later ones is done.
async fn say(word: Word, names: Vec<String>) -> Result<ExitCode> {
    let folder = Paths::of_user().pin_dir.context("no home directory, so that no tools are pinned")?;
    let folder = PinFolder::new(folder);
    for name in names {
        let (folder, word) = (folder.clone(), word.clone());
        let lines = FileThreads::default().run(move || said(&folder, &word, &name)).await??;
        stdout().write_all(lines.as_bytes()).context("standard output")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A line for each tool that it was said of.
fn said(folder: &PinFolder, word: &Word, name: &str) -> Result<String> {
    let (mut lines, mut unreadable) = (String::new(), None);
    for file in folder.files()? {
        match file.read() {
            Ok(Some(pins)) if is_meant(&pins.server, name) => lines.push_str(&said_of(&file, word, name)?),
            Ok(_) => {}
            Err(error) => unreadable = Some(error),
        }
    }
    if lines.is_empty() {
        // It may be what is meant.
        if let Some(error) = unreadable {
            return Err(error.into());
        }
        let (name, why) = (
            line(name),
            match word {
                Word::Accept { digest: Some(digest) } => {
                    format!("waits to be accepted with the digest {}", line(digest))
                }
                Word::Accept { digest: None } => "waits to be accepted".to_owned(),
                Word::Unpin => "is pinned".to_owned(),
            },
        );
        bail!("nothing of {name} {why}; `exuvia tools list` shows what is known");
    }
    Ok(lines)
}

fn said_of(file: &PinFile, word: &Word, name: &str) -> Result<String> {
    let change = |pins: Option<ServerPins>| {
        let Some(mut pins) = pins else { return (None, String::new()) };
        let server = pins.server.clone();
        let is_chosen = |tool: &str| name == server || name.strip_prefix(&format!("{server}.")) == Some(tool);
        match word {
            Word::Accept { digest } => {
                let accepted = pins.accept(is_chosen, digest.as_deref(), now_ms());
                let lines = accepted.iter().map(|accepted| accepted_line(&server, accepted)).collect();
                (Some(pins), lines)
            }
            // The next list of such a server is seen first.
            Word::Unpin if name == server => (None, format!("{}: no tool is pinned\n", line(&server))),
            Word::Unpin => {
                let count = pins.forget(is_chosen);
                let lines = if count > 0 { format!("{}: not pinned\n", line(name)) } else { String::new() };
                (Some(pins), lines)
            }
        }
    };
    Ok(file.change(change, |lines| !lines.is_empty())?.0)
}

/// Whether a name may be a server's or one of a tool of it: names may hold dots.
fn is_meant(server: &str, name: &str) -> bool {
    name.strip_prefix(server).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn accepted_line(server: &str, accepted: &Accepted) -> String {
    let Accepted { tool, deviation, digest } = accepted;
    let what = match deviation {
        Deviation::Changed(parts) => parts.iter().map(|part| part.name()).collect::<Vec<_>>().join(", "),
        _ => "new".to_owned(),
    };
    line(&format!("{server}.{tool} accepted: {what} (digest {digest})")) + "\n"
}
