//! `exuvia approvals approve` and `deny`.

use std::io::{BufRead as _, IsTerminal as _, Write as _, stderr, stdin};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use exuvia_approvals::{approval_json, card_text, summary_line};
use exuvia_journal::ApprovalState;

use super::{Places, printed, printed_json, utc};
use crate::approvals_args::AnswerArgs;
use crate::file_threads::FileThreads;

/// Shows an approval, asks, and answers. What is answered is what was shown: the answer names its digest.
pub(super) async fn answer(places: &mut Places, args: AnswerArgs, allow: bool) -> Result<ExitCode> {
    let found = places.find(&args.id).await?;
    let approval = &found.approval;
    if approval.state != ApprovalState::Pending {
        bail!("approval {} cannot be answered: it is {}", approval.id, approval.state);
    }
    if !args.json {
        printed(&card_text(approval, found.content.as_ref(), utc))?;
    }
    if !args.yes && !is_confirmed(if allow { "Approve" } else { "Deny" }).await? {
        bail!("nothing is answered");
    }
    let answered = places.answer(&found, allow, args.reason).await?;
    match args.json {
        true => printed_json(&approval_json(&answered.approval, found.content.as_ref())),
        false => printed(&format!("\n{}\n", summary_line(&answered.approval))),
    }
}

/// Asks on the terminal.
///
/// # Errors
///
/// There is none.
pub(super) async fn is_confirmed(what: &'static str) -> Result<bool> {
    if !stdin().is_terminal() {
        bail!("standard input is no terminal that could be asked: look at it first, and pass --yes");
    }
    let ask = move || {
        stderr().write_all(format!("{what} this? [y/N] ").as_bytes())?;
        let mut line = String::new();
        stdin().lock().read_line(&mut line)?;
        Ok::<_, std::io::Error>(matches!(line.trim(), "y" | "Y" | "yes"))
    };
    FileThreads::default().run(ask).await?.context("the terminal")
}
