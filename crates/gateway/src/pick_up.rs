//! Runs that a client asks for by their names: what came of them, or what they wait for.

use std::time::Duration;

use exuvia_journal::{Approval, ApprovalFilter, ApprovalState, RunEnd, RunError, WaitingRun, WaitingState};
use exuvia_runtime::{Limit, LimitHit, Outcome, Report, ScriptError};
use exuvia_tool::{HeldApproval, HeldCall, RunId, ToolName};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::approvals::Approvals;
use crate::client_questions::AskedApproval;
use crate::kept_runs::NotKept;
use crate::{Client, Gateway, View};

/// How often a run is looked at whose process is another one, or that has no approvals.
const POLL: Duration = Duration::from_millis(200);

/// What is known of a run.
pub(crate) enum PickedUp {
    /// It is over.
    Over(Box<RunEnd>, RunId),
    /// It waits for these approvals.
    Waits(Vec<HeldCall>, RunId),
    /// It goes on.
    Runs,
}

impl Gateway {
    /// A run of this client's principal. Waits this long for one that is not over.
    pub(crate) async fn picked_up(&self, client: &Client, id: &str, patience: Duration) -> Result<PickedUp, NotKept> {
        let until = Instant::now() + patience;
        let run = RunId::new(id);
        let mut changes = self.approvals.as_ref().map(|approvals| approvals.store().watch());
        loop {
            // Before what is looked at: nothing is missed.
            if let Some(changes) = &mut changes {
                changes.mark_unchanged();
            }
            let goes_on = self.goes_on_anywhere(&run).await?;
            let record = self.record_of_any(client, id).await?;
            if let Some(end) = record.end()
                && !goes_on
            {
                return Ok(PickedUp::Over(Box::new(end.clone()), run));
            }
            if !goes_on {
                // It was cut off by a crash, or nobody has a record of its end.
                return Err(NotKept::Unknown);
            }
            if Instant::now() >= until {
                let pending = self.pending(&run).await?;
                return Ok(if pending.is_empty() { PickedUp::Runs } else { PickedUp::Waits(pending, run) });
            }
            let poll = tokio::time::sleep(POLL.min(until.saturating_duration_since(Instant::now())));
            match &mut changes {
                None => poll.await,
                Some(changes) => tokio::select! {
                    () = poll => {}
                    _ = changes.changed() => {}
                },
            }
        }
    }

    /// The approvals that a run of this client waits for, and that its user may answer: of one that was parked before, which no client
    /// follows but by asking for it.
    pub async fn approvals_to_ask(&self, view: &View, client: &Client, run: &RunId) -> Vec<AskedApproval> {
        let Some(approvals) = &self.approvals else { return Vec::new() };
        let settings = &view.scripts().settings;
        if settings.limits.hold_ms == 0 || self.asked_clients().is_unreached(client) {
            return Vec::new();
        }
        let waiting = approvals.store().waiting(run).await.ok().flatten();
        let is_alone = |waiting: &WaitingRun| waiting.state == WaitingState::Parked || waiting.claims > 0;
        if !waiting.is_some_and(|waiting| waiting.principal == *client.principal() && is_alone(&waiting)) {
            return Vec::new();
        }
        let (run, state) = (Some(run.clone()), Some(ApprovalState::Pending));
        let filter = ApprovalFilter { run, state, ..ApprovalFilter::default() };
        let pending = approvals.store().list(&filter).await.unwrap_or_default();
        let may_answer = |approval: &Approval| settings.client_approves(approval.role.as_deref());
        let asked = |approval: Approval| AskedApproval { link: approvals.link(&approval.run, &approval.id), approval };
        pending.into_iter().rev().filter(may_answer).map(asked).collect()
    }

    /// Is notified when an approval is asked or answered by this process. The value is of no meaning.
    #[must_use]
    pub fn approval_changes(&self) -> Option<watch::Receiver<u64>> {
        self.approvals.as_ref().map(|approvals| approvals.store().watch())
    }

    /// Whether a run is in flight in this process, or waits in any.
    async fn goes_on_anywhere(&self, run: &RunId) -> Result<bool, NotKept> {
        if self.live_runs().has(run) {
            return Ok(true);
        }
        let Some(approvals) = &self.approvals else { return Ok(false) };
        let waiting = approvals.store().waiting(run).await.map_err(|_| NotKept::Unreadable)?;
        Ok(waiting.is_some_and(|waiting| waiting.state.goes_on()))
    }

    async fn pending(&self, run: &RunId) -> Result<Vec<HeldCall>, NotKept> {
        let Some(approvals) = &self.approvals else { return Ok(Vec::new()) };
        let (run, state) = (Some(run.clone()), Some(ApprovalState::Pending));
        let filter = ApprovalFilter { run, state, ..ApprovalFilter::default() };
        let pending = approvals.store().list(&filter).await.map_err(|_| NotKept::Unreadable)?;
        Ok(pending.into_iter().rev().map(|approval| asked(approvals, approval)).collect())
    }
}

/// An approval as a client is shown it.
fn asked(approvals: &Approvals, approval: Approval) -> HeldCall {
    let link = approvals.shown_link(&approval);
    HeldCall {
        id: approval.call,
        name: approval.tool.unwrap_or_else(|| ToolName::new("", "")),
        arguments: None,
        allow: String::new(),
        approval: Some(HeldApproval { id: approval.id, line: approval.line, link }),
    }
}

/// The report of a run that ended without a result. None: nothing is known to say of it.
pub(crate) fn report_of(end: RunEnd) -> Option<Report> {
    let error = end.error.map(script_error);
    let outcome = match (&*end.outcome, error) {
        ("raised", Some(error)) => Outcome::Raised(error),
        ("denied", Some(error)) => Outcome::Denied(error),
        ("void", Some(error)) => Outcome::Void(error.message),
        ("cancelled", _) => Outcome::Cancelled,
        ("stopped", error) => {
            let limit = end.limit.as_deref().and_then(limit)?;
            Outcome::Stopped(LimitHit { limit, message: "see `limits`".to_owned(), error })
        }
        _ => return None,
    };
    let mut report = Report::not_started(outcome);
    (report.logs.text, report.logs.dropped_bytes) = (end.log, end.log_dropped_bytes);
    Some(report)
}

fn script_error(error: RunError) -> ScriptError {
    let RunError { kind, message, line, traceback, hint } = error;
    ScriptError { kind, message, line, traceback, hint }
}

fn limit(name: &str) -> Option<Limit> {
    let all = [Limit::Fuel, Limit::WallMs, Limit::MemoryBytes, Limit::ToolCalls, Limit::StackBytes, Limit::ResultBytes];
    all.into_iter().find(|limit| limit.name() == name)
}
