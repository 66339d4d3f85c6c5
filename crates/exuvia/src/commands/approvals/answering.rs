//! `exuvia approvals approve` and `deny`.

use std::process::ExitCode;

use anyhow::{Result, bail};
use exuvia_approvals::{approval_json, card_text, summary_line};
use exuvia_journal::ApprovalState;

use super::{Places, printed, printed_json, utc};
use crate::approvals_args::AnswerArgs;
use crate::terminal;

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
    let Some(is_confirmed) = terminal::confirmed(&format!("{what} this?")).await? else {
        bail!("standard input is no terminal that could be asked: look at it first, and pass --yes");
    };
    Ok(is_confirmed)
}
