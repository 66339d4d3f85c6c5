//! `exuvia approvals watch`.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use exuvia_approvals::{approval_json, summary_line};
use exuvia_journal::{Approval, ApprovalFilter, ApprovalState};

use super::{printed, printed_json};
use crate::journal::ApprovalStores;

/// How often the stores are asked for changes.
const PERIOD: Duration = Duration::from_millis(500);

/// Prints what is pending, and then every change, until the process is ended.
pub(super) async fn watch(stores: &ApprovalStores, json: bool) -> Result<ExitCode> {
    let mut versions = Vec::new();
    for stored in stores.all() {
        // What changes while the list is read is told twice rather than never.
        versions.push(newest(stored, 0).await?);
    }
    let pending = ApprovalFilter { state: Some(ApprovalState::Pending), ..ApprovalFilter::default() };
    for approval in stores.list(&pending).await?.iter().rev() {
        print(approval, json)?;
    }
    loop {
        tokio::time::sleep(PERIOD).await;
        for (stored, version) in stores.all().iter().zip(&mut versions) {
            let mut changes = stored.store.changes(*version).await?;
            loop {
                changes.approvals.iter().try_for_each(|approval| print(approval, json))?;
                *version = changes.version;
                if changes.is_whole {
                    break;
                }
                changes = stored.store.changes(*version).await?;
            }
        }
    }
}

/// The version of all approvals.
async fn newest(stored: &crate::journal::StoredApprovals, after: u64) -> Result<u64> {
    let mut changes = stored.store.changes(after).await?;
    while !changes.is_whole {
        changes = stored.store.changes(changes.version).await?;
    }
    Ok(changes.version)
}

fn print(approval: &Approval, json: bool) -> Result<()> {
    match json {
        true => printed_json(&approval_json(approval, None))?,
        false => printed(&format!("{}\n", summary_line(approval)))?,
    };
    Ok(())
}
