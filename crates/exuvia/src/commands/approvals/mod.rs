//! `exuvia approvals`: reading and answering approvals, by the daemons that run, or beside the processes that wait for them.

mod answering;
mod places;
mod questions;
mod suggesting;
mod watching;

use std::process::ExitCode;

use anyhow::Result;
use exuvia_approvals::{approval_json, card_text, visible};
use exuvia_journal::{Approval, ApprovalFilter};
use serde_json::json;

use super::runs::{printed, printed_json, table, utc};
use crate::approvals_args::{ApprovalsArgs, ApprovalsCommand};
use places::{Found, Places};

pub(crate) async fn approvals(args: ApprovalsArgs) -> Result<ExitCode> {
    let mut places = Places::open(args.journal).await?;
    match args.command {
        ApprovalsCommand::List { state, principal, limit, json } => {
            let filter =
                ApprovalFilter { state: state.state(), principal, limit: limit as usize, ..ApprovalFilter::default() };
            let found = places.list(&filter).await?;
            match json {
                true => {
                    let all: Vec<_> = found.iter().map(|approval| approval_json(approval, None)).collect();
                    printed_json(&json!({ "approvals": all }))
                }
                false => printed(&listed(&found)),
            }
        }
        ApprovalsCommand::Show { id, json } => {
            let Found { approval, content, .. } = places.find(&id).await?;
            match json {
                true => printed_json(&approval_json(&approval, content.as_ref())),
                false => printed(&card_text(&approval, content.as_ref(), utc)),
            }
        }
        ApprovalsCommand::Approve(args) => answering::answer(&mut places, args, true).await,
        ApprovalsCommand::Deny(args) => answering::answer(&mut places, args, false).await,
        ApprovalsCommand::Questions { json } => questions::list(&mut places, json).await,
        ApprovalsCommand::Answer(args) => questions::answer(&mut places, args).await,
        ApprovalsCommand::Watch { json } => watching::watch(places, json).await,
        ApprovalsCommand::Suggest { id, json } => suggesting::suggest(&mut places, &id, json).await,
    }
}

/// A table of approvals. Everything that others chose is made visible.
fn listed(approvals: &[Approval]) -> String {
    let rows = approvals.iter().map(|approval| {
        let what = match &approval.tool {
            Some(tool) => format!("{}.{}", visible(&tool.server), visible(&tool.tool)),
            None => "start of the script".to_owned(),
        };
        [
            approval.id.to_string(),
            approval.state.to_string(),
            visible(&approval.principal.to_string()),
            what,
            approval.arguments_bytes.to_string(),
            utc(approval.expires_ms),
            visible(approval.run.as_str()),
        ]
    });
    table(["APPROVAL", "STATE", "PRINCIPAL", "TOOL", ">BYTES", "EXPIRES", "RUN"], rows)
}
