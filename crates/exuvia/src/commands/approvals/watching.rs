//! `exuvia approvals watch`.

use std::collections::HashMap;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, bail};
use exuvia_admin::{AdminClient, AdminEvents};
use exuvia_approvals::{approval_json, read_approval, summary_line};
use exuvia_journal::{Approval, ApprovalFilter, ApprovalState};
use exuvia_tool::ApprovalId;
use tokio::sync::mpsc;

use super::{Places, printed, printed_json};
use crate::commands::daemons::part;
use crate::journal::{ApprovalStores, StoredApprovals};

/// How often journals are asked for changes.
const PERIOD: Duration = Duration::from_millis(500);
/// Approvals that wait to be printed.
const WAITING: usize = 1_000;
/// How many approvals are remembered, so that one that is known by several ways is printed once in each state.
const KNOWN: usize = 20_000;

/// Prints what is pending, and then every change, until the process is ended.
pub(super) async fn watch(mut places: Places, json: bool) -> Result<ExitCode> {
    let (sender, mut changed) = mpsc::channel(WAITING);
    // Before what is pending is listed: nothing is missed in between.
    for daemon in &places.daemons {
        let (asked, events) = (daemon.again().await?, daemon.again().await?.follow("/approvals/events").await?);
        tokio::spawn(follow_daemon(asked, events, sender.clone()));
    }
    let mut versions = Vec::new();
    if let Some(stores) = places.stores() {
        for stored in stores.all() {
            versions.push(newest(stored).await?);
        }
    }
    let mut printed = Printed { json, known: HashMap::new() };
    let pending = ApprovalFilter { state: Some(ApprovalState::Pending), ..ApprovalFilter::default() };
    for approval in places.list(&pending).await?.iter().rev() {
        printed.print(approval)?;
    }
    if let Some(stores) = places.into_stores() {
        tokio::spawn(follow_stores(stores, versions, sender.clone()));
    }
    drop(sender);
    while let Some(change) = changed.recv().await {
        printed.print(&change?)?;
    }
    bail!("the daemon has ended")
}

/// Reads what a daemon says that has changed, until it ends.
async fn follow_daemon(mut daemon: AdminClient, mut events: AdminEvents, changed: mpsc::Sender<Result<Approval>>) {
    while let Some((_, event)) = events.next().await {
        let Some((id, run)) = event["approval"].as_str().zip(event["run"].as_str()) else { continue };
        let Ok(mut said) = daemon.get(&format!("/approvals?limit=500&run={}", part(run))).await else { continue };
        let items = said["items"].as_array_mut().into_iter().flatten();
        for item in items.filter(|item| item["id"] == id) {
            let Ok((approval, _)) = read_approval(item.take()) else { continue };
            if changed.send(Ok(approval)).await.is_err() {
                return;
            }
        }
    }
}

/// Reads what changes in journals, until one cannot be read.
async fn follow_stores(stores: ApprovalStores, mut versions: Vec<u64>, changed: mpsc::Sender<Result<Approval>>) {
    loop {
        tokio::time::sleep(PERIOD).await;
        for (stored, version) in stores.all().iter().zip(&mut versions) {
            loop {
                let changes = match stored.store.changes(*version).await {
                    Ok(changes) => changes,
                    Err(error) => {
                        let _ = changed.send(Err(error.into())).await;
                        return;
                    }
                };
                for approval in changes.approvals {
                    if changed.send(Ok(approval)).await.is_err() {
                        return;
                    }
                }
                *version = changes.version;
                if changes.is_whole {
                    break;
                }
            }
        }
    }
}

/// The version of all approvals.
async fn newest(stored: &StoredApprovals) -> Result<u64> {
    let mut changes = stored.store.changes(0).await?;
    while !changes.is_whole {
        changes = stored.store.changes(changes.version).await?;
    }
    Ok(changes.version)
}

/// What was printed.
struct Printed {
    json: bool,
    /// How far each approval had come.
    known: HashMap<ApprovalId, u8>,
}

impl Printed {
    /// Prints an approval, unless it was printed in this state or a later one.
    fn print(&mut self, approval: &Approval) -> Result<()> {
        let place = match approval.state {
            ApprovalState::Pending => 1,
            ApprovalState::Approved => 2,
            ApprovalState::Denied | ApprovalState::Expired | ApprovalState::Used | ApprovalState::Void => 3,
        };
        if self.known.get(&approval.id).is_some_and(|known| *known >= place) {
            return Ok(());
        }
        if self.known.len() >= KNOWN {
            self.known.retain(|_, place| *place < 3);
        }
        self.known.insert(approval.id.clone(), place);
        match self.json {
            true => printed_json(&approval_json(approval, None))?,
            false => printed(&format!("{}\n", summary_line(approval)))?,
        };
        Ok(())
    }
}
