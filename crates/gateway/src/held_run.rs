//! Runs that wait for approvals: asked about before they start, and brought back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use exuvia_analysis::{MayCall, Precision};
use exuvia_journal::{Approval, ApprovalState, Event};
use exuvia_policy::Grants;
use exuvia_runtime::{ActiveTime, Outcome, Report, Script, ScriptError};
use exuvia_tool::{HeldCall, ToolName};

use crate::approvals::{Answered, ApprovalCard, Lease, RunHolds};
use crate::end_guards::RunEndGuard;
use crate::ids::now_ms;
use crate::over_budget::settled;
use crate::pending_run::PendingRun;
use crate::recorded_end::recorded_part;
use crate::run_part::{CameOfPart, Resumed, ResumedPart, RunPart};
use crate::run_report::over;
use crate::runs::RunState;

/// The rule that asks about a whole script.
const BEFORE: &str = "on_unlisted is ask-before for tools that the script names";

/// What the pre-pass found of a script.
pub(crate) type Reads = Option<(MayCall, Precision)>;

impl PendingRun {
    /// What asks about the calls of a script. None: nobody is asked.
    pub(crate) fn holds(
        &self,
        script: &Script,
        script_sha256: &str,
        reads: Reads,
        active: &Arc<ActiveTime>,
        claimed: Option<Lease>,
    ) -> Option<Arc<RunHolds>> {
        let approvals = self.approvals.as_ref()?;
        let run = self.context.origin.run()?.clone();
        let settings = &self.run_view.settings;
        let card = ApprovalCard {
            principal: self.context.principal.clone(),
            role: self.identity.role().cloned(),
            profile: self.profile.clone(),
            client: self.context.client.clone(),
            script: script.shared_source(),
            script_sha256: script_sha256.to_owned(),
            reads,
            policy: Arc::clone(&settings.policy),
            view_store: Arc::clone(&self.view_store),
            client_approves: self.client_approves(),
            // Without time to answer in, nobody is asked.
            asker: self.asker.clone().filter(|_| self.client_approves() && self.run_view.settings.limits.hold_ms > 0),
        };
        let hold = Duration::from_millis(settings.limits.hold_ms);
        let can_park = self.can_park.then(|| Arc::clone(&self.record));
        Some(RunHolds::new(approvals, run, card, Arc::clone(active), hold, can_park, claimed))
    }

    /// Whether the user of the client may approve: the operator's own client, or where the role says so.
    fn client_approves(&self) -> bool {
        self.run_view.settings.client_approves(self.identity.role().map(|role| &**role))
    }

    /// Asks whether the script may start. None: it may. Otherwise what it comes to, or that it is parked.
    pub(crate) async fn unapproved(&self, holds: &RunHolds, held: Vec<HeldCall>) -> Option<Outcome> {
        self.registered.live().is(RunState::Held);
        let tools: Vec<String> = held.iter().map(|held| held.name.to_string()).collect();
        let rule = format!("{BEFORE}: {}", tools.join(", "));
        let question = holds.question(None, Default::default(), None, (rule, false), now_ms());
        let asked =
            HeldCall { id: None, name: ToolName::new("", ""), arguments: None, allow: String::new(), approval: None };
        let started = holds.start(asked, question, &self.stopping);
        let Some(started) = self.cancelled_unless_stopping(started).await else { return Some(Outcome::Cancelled) };
        match started {
            None => Some(Outcome::AwaitingApproval(holds.pending())),
            Some(Answered::Approved(approval)) => started_by(holds, &approval).await,
            Some(not) => Some(not_started(&not)),
        }
    }

    /// Brings a run back that was parked, or left by its process.
    pub(crate) async fn bring_back(mut self, resumed: Resumed) -> Report {
        let mut ending = RunEndGuard::new(&self.record, &self.metrics);
        ending.is_started = true;
        let kept_as = self.kept_as();
        let script = std::mem::replace(&mut self.script, Script::new(""));
        let report = self.resumed(script, resumed, &mut ending).await;
        over(report, ending, kept_as).await
    }

    async fn resumed(self, script: Script, resumed: Resumed, ending: &mut RunEndGuard) -> Report {
        let Resumed { resume, before, asked, repair, lease } = resumed;
        let clock = resume.monotonic_clock().max(Duration::from_millis(before.wall_ms));
        let active = Arc::new(ActiveTime::replayed(Instant::now()));
        let Some(holds) = self.holds(&script, &resume.recorded().start.source_sha256, None, &active, Some(lease))
        else {
            return Report::fault("a run is brought back without a store of approvals");
        };
        ending.holds = Some(Arc::clone(&holds));
        holds.resumed(asked.clone(), resume.recorded());
        let mut reservation = match self.reserved().await {
            Ok(reservation) => reservation,
            Err(outcome) => return Report::not_started(outcome),
        };
        let limits = resume.recorded().start.limits.clone();
        let approvals = asked.iter().map(|approval| (approval.id.clone(), approval.state)).collect();
        let monotonic_ns = u64::try_from(clock.as_nanos()).unwrap_or(u64::MAX);
        let event = Event::RunResumed { approvals, monotonic_ns };
        if let Err(error) = self.record.require(event).await {
            let error = format!("{error:#}");
            tracing::warn!(run.id = %holds.run, error, "run not brought back");
            return Report::not_started(Outcome::AwaitingApproval(holds.parked_again()));
        }
        self.record.keep_up();
        self.run_view.routes.goes_on(&self.context.origin);
        let grants = match self.grants(&holds, &asked).await {
            Ok(grants) => grants,
            Err(outcome) => return Report::not_started(outcome),
        };
        self.metrics.run_resumed();
        reservation.start();
        let (spent, took) = (before.cost, Duration::from_millis(before.wall_ms));
        let resumed = Some(ResumedPart { resume, clock, functions: before.functions, repair: repair.map(Arc::new) });
        let part = RunPart { took, active, holds: Some(holds), resumed, session: None };
        let CameOfPart { report, cost, functions, .. } = self.run(script, grants, limits, part).await;
        let report = settled(report, reservation, before, functions.fuel);
        ending.came = Some(recorded_part(&report, spent + cost, functions));
        report
    }

    /// What the run may call: what the policy lists now, and what a person let the script start with.
    async fn grants(&self, holds: &RunHolds, asked: &[Approval]) -> Result<Grants, Outcome> {
        let (policy, namespace) = (&self.run_view.settings.policy, &self.run_view.namespace);
        let Some(start) = asked.iter().find(|approval| approval.call.is_none()) else {
            return Ok(Grants::listed(policy, namespace));
        };
        let not = match start.state {
            ApprovalState::Used => None,
            ApprovalState::Approved => started_by(holds, start).await,
            _ => Some(not_started(&crate::approvals::outcome(start.clone()))),
        };
        if let Some(outcome) = not {
            return Err(outcome);
        }
        let tools = holds.start_tools(&start.id).await.map_err(Outcome::Unavailable)?;
        Ok(Grants::approved_start(policy, namespace, tools))
    }

    /// Waits for something, unless the client cancels it: one that is cancelled because the gateway ends is waited for.
    async fn cancelled_unless_stopping<T>(&self, waits: impl Future<Output = T>) -> Option<T> {
        let mut waits = std::pin::pin!(waits);
        tokio::select! {
            biased;
            done = &mut waits => return Some(done),
            () = self.cancellation.cancelled() => {}
        }
        if self.stopping.is_cancelled() { Some(waits.await) } else { None }
    }
}

/// Uses the approval of a start. None: the script starts.
async fn started_by(holds: &RunHolds, approval: &Approval) -> Option<Outcome> {
    if approval.script_sha256 != holds.script_sha256() {
        return Some(not_started(&Answered::Not("the script is not the one that was asked about".to_owned())));
    }
    holds.take(approval).await.err().map(|not| not_started(&not))
}

/// A script that nobody let start.
fn not_started(answered: &Answered) -> Outcome {
    match answered {
        Answered::Unavailable(why) => Outcome::Unavailable(why.clone()),
        Answered::Approved(_) => Outcome::Unavailable(String::new()),
        Answered::Not(why) => Outcome::Denied(ScriptError {
            kind: "ToolDenied".to_owned(),
            message: format!("the script was not run: {why}"),
            line: None,
            traceback: String::new(),
            hint: Some("leave it to the user".to_owned()),
        }),
    }
}
