//! Parking a run that is held, and giving it back.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use exuvia_journal::{Approval, ApprovalFilter, ApprovalState, HoldEnd};
use exuvia_tool::{ApprovalId, HeldApproval, HeldCall, locked};
use tokio_util::sync::CancellationToken;

use super::run_holds::RunHolds;

/// How soon a run is looked at again that is about to ask.
const SOON: Duration = Duration::from_millis(10);

/// A run that is parked.
#[derive(Debug, Clone)]
pub(crate) struct Parked {
    pub(crate) held: Vec<HeldCall>,
}

impl Parked {
    /// The approvals that it waits for.
    pub(crate) fn approvals(&self) -> Vec<ApprovalId> {
        self.held.iter().filter_map(|call| call.approval.as_ref()).map(|approval| approval.id.clone()).collect()
    }
}

impl RunHolds {
    /// Completes when the run has waited long enough for nothing but approvals, or `stopping` is cancelled while it does: from then on
    /// nothing of it is done here.
    pub(crate) async fn parked(self: Arc<Self>, stopping: CancellationToken) -> Vec<HeldCall> {
        loop {
            self.active.until_held().await;
            if self.active.held() != self.places.waiting() {
                // Something is about to be asked, or was just answered.
                tokio::time::sleep(SOON).await;
                continue;
            }
            // Every call of the run that is not answered waits: one that was asked about before, and is not among them, was given up.
            self.places.give_up_kept();
            self.tell();
            tokio::select! {
                () = tokio::time::sleep(self.hold) => {}
                () = stopping.cancelled() => {}
                () = self.active.until_not_held() => continue,
                // One more call was held, and asked about, before this was polled.
                () = self.more.notified() => continue,
            }
            if self.active.park(|| self.places.waiting()) {
                return self.park();
            }
        }
    }

    /// Nothing of the run is done here any more. Where it cannot be brought back, nobody needs to answer.
    pub(super) fn park(&self) -> Vec<HeldCall> {
        let can_park = self.can_park();
        self.is_parked.store(can_park, Ordering::SeqCst);
        let held = self.pending();
        if can_park { held } else { held.into_iter().map(|call| HeldCall { approval: None, ..call }).collect() }
    }

    fn can_park(&self) -> bool {
        self.can_park.as_ref().is_some_and(|record| record.has_all_readings())
    }

    /// What waits for an answer.
    pub(crate) fn pending(&self) -> Vec<HeldCall> {
        let asked = locked(&self.asked);
        let pending = asked.values().filter(|(approval, _)| approval.state == ApprovalState::Pending);
        pending
            .map(|(approval, call)| {
                let link = self.approvals.shown_link(approval);
                HeldCall {
                    approval: Some(HeldApproval { id: approval.id.clone(), line: approval.line, link }),
                    ..call.clone()
                }
            })
            .collect()
    }

    /// The run was being brought back, and is not yet where it was: it waits further.
    pub(crate) fn parked_again(&self) -> Vec<HeldCall> {
        self.has_taken_nothing.store(true, Ordering::SeqCst);
        self.is_parked.store(true, Ordering::SeqCst);
        self.pending()
    }

    /// The run that was parked.
    pub(crate) fn parked_run(&self) -> Option<Parked> {
        self.is_parked.load(Ordering::SeqCst).then(|| Parked { held: self.pending() })
    }

    /// Gives the run back, when that is recorded.
    pub(crate) async fn end(&self, end: RunEnding) {
        let Some(lease) = self.lease.get() else { return };
        let end = match end {
            RunEnding::Over => HoldEnd::Done,
            RunEnding::Void(reason) => HoldEnd::Void(reason),
            RunEnding::Parked => HoldEnd::Parked { seen: self.seen().await },
        };
        if let Err(error) = lease.end(&end).await {
            // Its lease ends by itself: whoever finds it then sees what became of it.
            tracing::warn!(run.id = %self.run, error = format!("{error:#}"), "run not given back");
        }
    }

    /// The version of all approvals up to which the run has taken the answers of its own.
    async fn seen(&self) -> u64 {
        if self.has_taken_nothing.load(Ordering::SeqCst) {
            return 0;
        }
        let filter = ApprovalFilter { run: Some(self.run.clone()), ..ApprovalFilter::default() };
        let waits: BTreeSet<ApprovalId> = Parked { held: self.pending() }.approvals().into_iter().collect();
        let Ok(all) = self.approvals.store().list(&filter).await else { return 0 };
        // What was answered since the run was parked, it has not taken, nor what is approved and not used.
        let is_missed = |one: &&Approval| match one.state {
            ApprovalState::Pending => false,
            ApprovalState::Approved => true,
            _ => waits.contains(&one.id),
        };
        let missed = all.iter().filter(is_missed);
        let first_missed = missed.map(|approval| approval.version.saturating_sub(1)).min();
        first_missed.or_else(|| all.iter().map(|approval| approval.version).max()).unwrap_or_default()
    }
}

/// What becomes of a run that was held.
#[derive(Debug, Clone)]
pub(crate) enum RunEnding {
    Over,
    Parked,
    Void(String),
}
