//! `exuvia approvals approve` and `deny`.

use std::process::ExitCode;

use anyhow::{Result, bail};
use exuvia_approvals::{approval_json, card_text, summary_line};
use exuvia_gateway::now_ms;
use exuvia_journal::{ApprovalAnswer, ApprovalChannel, ApprovalState};
use exuvia_tool::Principal;

use super::{printed, printed_json, utc};
use crate::approvals_args::AnswerArgs;
use crate::journal::ApprovalStores;
use crate::terminal;

/// Shows an approval, asks, and answers. What is answered is what was shown: the answer names its digest.
pub(super) async fn answer(stores: &ApprovalStores, args: AnswerArgs, allow: bool) -> Result<ExitCode> {
    let (stored, approval) = stores.find(&args.id).await?;
    let content = stored.store.content(&approval.id).await?;
    if approval.state != ApprovalState::Pending {
        bail!("approval {} cannot be answered: it is {}", approval.id, approval.state);
    }
    if !args.json {
        printed(&card_text(&approval, content.as_ref(), utc))?;
    }
    if !args.yes && !is_confirmed(allow).await? {
        bail!("nothing is answered");
    }
    let answer = ApprovalAnswer {
        by: Principal::Operator,
        channel: ApprovalChannel::Cli,
        at_ms: now_ms(),
        reason: args.reason,
        shown_sha256: approval.shown_sha256.clone(),
    };
    let answered = stored.store.answer(&approval.id, allow, &answer).await?;
    match args.json {
        true => printed_json(&approval_json(&answered, content.as_ref())),
        false => printed(&format!("\n{}\n", summary_line(&answered))),
    }
}

/// Asks on the terminal.
///
/// # Errors
///
/// There is none.
async fn is_confirmed(allow: bool) -> Result<bool> {
    let what = if allow { "Approve" } else { "Deny" };
    let Some(is_confirmed) = terminal::confirmed(&format!("{what} this?")).await? else {
        bail!("standard input is no terminal that could be asked: read the card with `show`, and pass --yes");
    };
    Ok(is_confirmed)
}
