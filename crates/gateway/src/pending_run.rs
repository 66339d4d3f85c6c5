//! A run with everything it needs: authorized, recorded, executed.

use std::sync::Arc;
use std::time::Duration;

use exuvia_access::Identity;
use exuvia_access::budget::{RunReservation, Spender};
use exuvia_analysis::Note;
use exuvia_catalog::LearnedAnswers;
use exuvia_config::SessionsConfig;
use exuvia_journal::{
    Archive, ClientClaims, Event, FunctionUsage, JournalError, PackedGuest, RefusedStart, RunStart, RunUsage,
};
use exuvia_policy::Grants;
use exuvia_replay::{RecordedSize, SessionFiles};
use exuvia_runtime::{
    ActiveTime, Engine, GUEST_COMPONENT, GUEST_DIGEST, Limits, Outcome, Report, RunTree, Script, SystemIo,
};
use exuvia_text::cut;
use exuvia_tool::{BoxFuture, CallContext, Cost, RunEvent, RunId};
use exuvia_workspace::OpenError;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use crate::admission::{PrePass, StartedBy};
use crate::approvals::Approvals;
use crate::authority::Authority;
use crate::call::{RunParts, RunTools, call_limits};
use crate::client_questions::ClientAsker;
use crate::end_guards::{OriginEndGuard, RunEndGuard};
use crate::functions::{CallCount, FunctionRuns, NestedRuns, Nesting};
use crate::hints::{Seen, with_hint};
use crate::metrics::Metrics;
use crate::over_budget::{run_outcome, settled};
use crate::pending_namespace::PendingNamespace;
use crate::queue::QueuePlace;
use crate::record::{RunRecord, unrecorded};
use crate::recorded_end::recorded_part;
use crate::repair::Repair;
use crate::run_part::{CameOfPart, ResumedPart, RunEnds, RunPart, SessionPart, begun, executed};
use crate::run_report::{noted, over, reason, tell_calls, with_caught, with_ending};
use crate::runs::{Registered, RunState};
use crate::script_analysis::{AdmittedScript, AnalysisOutcome, ScriptAnalysis};
use crate::sessions::{Reviving, SessionError, SessionTurn, Sessions};
use crate::settings::RunView;
use crate::view_store::ViewStore;
use crate::workspaces::Workspaces;

/// The most that the journal has of a note of the analysis, in characters.
const FINDING: usize = 500;

/// The most notes of the analysis that the journal has.
const FINDINGS: usize = 20;

/// What a client is told whose files cannot be opened.
const NO_FILES: &str =
    "the workspace cannot be opened; the operator finds the reason in the log, or by `exuvia doctor`";

/// A run that has not begun.
pub(crate) struct PendingRun {
    pub(crate) context: CallContext,
    pub(crate) identity: Arc<Identity>,
    /// The profile that its client named.
    pub(crate) profile: Option<Arc<str>>,
    /// What its client says of itself.
    pub(crate) claims: Arc<ClientClaims>,
    /// The earlier run whose answers it takes.
    pub(crate) repair: Option<Arc<Repair>>,
    /// Whether its client can come back to what the journal has of it.
    pub(crate) is_kept: bool,
    pub(crate) script: Script,
    pub(crate) by: StartedBy,
    pub(crate) pre_pass: PrePass,
    pub(crate) run_view: Arc<RunView>,
    /// What there will be instead of that.
    pub(crate) pending_namespace: PendingNamespace,
    pub(crate) authority: Arc<Authority>,
    /// The budgets of whoever acts.
    pub(crate) spender: Spender,
    pub(crate) engine: Engine,
    pub(crate) record: Arc<RunRecord>,
    pub(crate) analyses: Arc<Semaphore>,
    pub(crate) events: mpsc::UnboundedSender<RunEvent>,
    /// Asks its client. None: that cannot be asked.
    pub(crate) asker: Option<ClientAsker>,
    pub(crate) cancellation: CancellationToken,
    pub(crate) metrics: Arc<Metrics>,
    /// Leaves before the place does.
    pub(crate) registered: Registered,
    /// Who is asked where the policy asks. None: nobody.
    pub(crate) approvals: Option<Arc<Approvals>>,
    pub(crate) view_store: Arc<ViewStore>,
    /// The client by its name, which files of one MCP session are of.
    pub(crate) client: Arc<str>,
    pub(crate) workspaces: Arc<Workspaces>,
    /// What runs of functions are made with. None: there are none.
    pub(crate) function_runs: Option<Arc<FunctionRuns>>,
    /// Whether it can be brought back by its record.
    pub(crate) can_park: bool,
    /// The session in which it runs.
    pub(crate) session: Option<String>,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) archive: Option<Arc<dyn Archive>>,
    /// Cancelled when the gateway ends.
    pub(crate) stopping: CancellationToken,
    pub(crate) _place: QueuePlace,
}

impl PendingRun {
    /// Decides on the script and executes it, between its two entries in the journal. One that does not start has one entry.
    pub(crate) async fn execute(mut self) -> Report {
        let mut ending = RunEndGuard::new(&self.record, &self.metrics);
        let script = std::mem::replace(&mut self.script, Script::new(""));
        let kept_as = self.kept_as();
        let Some(session) = self.session.take() else {
            let report = self.decided(script, &mut ending, &mut None).await;
            return over(report, ending, kept_as).await;
        };
        Box::pin(self.execute_in(&session, script, ending, kept_as)).await
    }

    /// The same in a session, when it has its turn there.
    async fn execute_in(self, session: &str, script: Script, mut ending: RunEndGuard, kept: Option<RunId>) -> Report {
        let bytes = script.source().len() as u64;
        let (run, config) = (self.context.origin.run().cloned(), self.run_view.settings.sessions.clone());
        let entered = self.entered(session, config.as_ref());
        let mut turn = match self.cancellation.run_until_cancelled(entered).await.unwrap_or(Err(Outcome::Cancelled)) {
            Ok(turn) => Some(turn),
            Err(outcome) => {
                let report = self.refused(outcome, (bytes, String::new())).await;
                return over(report, ending, kept).await;
            }
        };
        let (record, resting) = (Arc::clone(&self.record), self.engine.resting_instances());
        let report = self.decided(script, &mut ending, &mut turn).await;
        let mut report = over(report, ending, kept).await;
        if let (Some(turn), Some(run)) = (turn, run) {
            let is_recorded = report.unrecorded == 0 && record.has_all_readings();
            turn.end(&run, is_recorded, config.map_or(0, |config| config.warm.min(resting)), &mut report).await;
        }
        report
    }

    async fn entered(&self, session: &str, config: Option<&SessionsConfig>) -> Result<SessionTurn, Outcome> {
        let kept = config.zip(self.archive.as_deref()).filter(|_| self.record.keeps_readings());
        let (config, archive) = kept.ok_or(SessionError::NotKept).map_err(|error| error.outcome())?;
        let whose = (&self.context.principal, self.profile.as_deref(), &*self.client);
        let entered = self.sessions.enter(config, archive, whose, session).await;
        entered.map_err(|error| {
            if let SessionError::Io(error) = &error {
                let principal = &self.context.principal;
                tracing::error!(session, %principal, %error, "session not read or written");
            }
            error.outcome()
        })
    }

    /// What a script of a session begins with.
    async fn begun(&self, turn: &mut SessionTurn, limits: &Limits) -> Result<SessionPart, Outcome> {
        let Some(config) = &self.run_view.settings.sessions else { return Err(SessionError::NotKept.outcome()) };
        let (engine, archive, spender) = (&self.engine, self.archive.as_deref(), &self.spender);
        let begins = turn.begin(Reviving { engine, archive, spender, config, limits });
        let left = self.cancellation.run_until_cancelled(begins).await.unwrap_or(Err(Outcome::Cancelled))?;
        Ok(SessionPart::after(left))
    }

    /// The name under which its client finds it again.
    pub(crate) fn kept_as(&self) -> Option<RunId> {
        self.context.origin.run().filter(|_| self.is_kept).cloned()
    }

    async fn decided(mut self, mut script: Script, ending: &mut RunEndGuard, turn: &mut Option<SessionTurn>) -> Report {
        // Before the script is read: who has nothing left costs nothing.
        let reserved = self.cancellation.run_until_cancelled(self.reserved_with(turn)).await;
        let mut reservation = match reserved.unwrap_or(Err(Outcome::Cancelled)) {
            Ok(reservation) => reservation,
            Err(outcome) => return self.refused(outcome, (script.source().len() as u64, String::new())).await,
        };
        let mut may_wait = true;
        self.registered.live().is(RunState::Reading);
        let keeps_namespace = self.record.keeps_readings();
        let admitted = loop {
            let (by, pre_pass, run_view) = (self.by, self.pre_pass, Arc::clone(&self.run_view));
            let asks = self.approvals.is_some();
            let is_further = turn.as_ref().is_some_and(|turn| turn.script().after.is_some());
            let reading = ScriptAnalysis { by, pre_pass, run_view, may_wait, keeps_namespace, asks, is_further };
            match reading.of(script, &self.analyses, &self.cancellation).await {
                AnalysisOutcome::Starts(admitted) => {
                    self.registered.live().reads(admitted.source_sha256.clone());
                    break admitted;
                }
                AnalysisOutcome::Refused { outcome, source } => return self.refused(outcome, source).await,
                AnalysisOutcome::Early(early) => script = early,
            }
            let later = self.cancellation.run_until_cancelled(self.pending_namespace.other(&self.run_view)).await;
            match later.flatten() {
                Some(later) => self.run_view = later,
                None => may_wait = false,
            }
        };
        self.registered.live().is(RunState::Queued);
        let namespace = admitted.namespace.clone();
        let limits = reservation.lower(self.run_view.settings.limits.clone());
        // One that a person is asked about first takes nothing while it waits for that.
        let asked = !admitted.held.is_empty();
        let mut session = match turn.as_mut().filter(|_| !asked) {
            None => None,
            Some(turn) => match Box::pin(self.begun(turn, &limits)).await {
                Ok(part) => Some(part),
                Err(outcome) => {
                    let source = (admitted.script.source().len() as u64, admitted.source_sha256);
                    return self.refused(outcome, source).await;
                }
            },
        };
        let place = turn.as_ref().map(SessionTurn::script);
        let begins_session = place.as_ref().is_some_and(|place| place.after.is_none());
        let started = Event::RunStarted(Box::new(RunStart { session: place, ..self.start(&admitted, &limits) }));
        let active = Arc::<ActiveTime>::default();
        let AdmittedScript {
            script, grants, notes, caught, ending: at_the_end, took, held, reads, source_sha256, ..
        } = admitted;
        let holds = self.holds(&script, &source_sha256, reads, &active, None);
        let (seen, shapes) = (Arc::clone(&self.run_view.namespace), self.run_view.answer_shapes.clone());
        let source = (script.source().len() as u64, source_sha256);
        match self.cancellation.run_until_cancelled(self.record.keep(namespace)).await {
            Some(Ok(())) => {}
            Some(Err(error)) => return Report::not_started(Outcome::Unavailable(unrecorded(&error))),
            None => return self.refused(Outcome::Cancelled, source).await,
        }
        // The journal has the start from here on, whatever becomes of this future: a run that is dropped has an end, and none has an end alone.
        ending.is_started = true;
        let recorded = if turn.is_some() || asked || self.has_effects_beside_calls() {
            let recorded = self.record.require_intent(started, self.record.start());
            self.cancellation.run_until_cancelled(recorded).await
        } else {
            ending.starting = Some(Box::pin(Arc::clone(&self.record).start_meanwhile(started)));
            Some(Ok(()))
        };
        match recorded {
            Some(Ok(())) => {
                self.keep_guest();
                ending.holds.clone_from(&holds);
                if let Some(holds) = holds.as_ref().filter(|_| asked)
                    && let Some(outcome) = self.unapproved(holds, held).await
                {
                    return Report::not_started(outcome);
                }
                if let Some(turn) = turn.as_mut().filter(|_| asked) {
                    session = match Box::pin(self.begun(turn, &limits)).await {
                        Ok(part) => Some(part),
                        Err(outcome) => return Report::not_started(outcome),
                    };
                }
                reservation.start();
                reservation.also_took(turn.as_ref().map_or(0, SessionTurn::revival_ms));
                let part = RunPart { took, active, holds, resumed: None, session };
                let ran = Box::pin(self.run(script, grants, limits, part));
                let CameOfPart { report, cost, functions, left } = match ending.starting.as_mut() {
                    None => ran.await,
                    Some(starting) => match unless_refused(ran, starting).await {
                        Ok(came) => came,
                        Err(error) => {
                            (ending.starting, ending.is_started) = (None, false);
                            let report = Report::not_started(Outcome::Unavailable(unrecorded(&error)));
                            return settled(report, reservation, RunUsage::default(), 0);
                        }
                    },
                };
                if let Some(turn) = turn {
                    turn.left = left;
                }
                let report = settled(report, reservation, RunUsage::default(), functions.fuel);
                ending.came = Some(recorded_part(&report, cost, functions));
                let learned = shapes.as_deref().map(|shapes| shapes as &dyn LearnedAnswers);
                let report = with_hint(noted(report, &notes), Seen { namespace: &seen, learned, begins_session });
                with_ending(with_caught(report, &caught), at_the_end)
            }
            Some(Err(error)) => {
                ending.is_started = false;
                Report::not_started(Outcome::Unavailable(unrecorded(&error)))
            }
            None => Report::not_started(Outcome::Cancelled),
        }
    }

    /// Whether the script may do more than call tools, whose intents follow the start in the journal: such a run does nothing before its start is
    /// recorded.
    fn has_effects_beside_calls(&self) -> bool {
        let role = self.identity.role().map(|role| &**role);
        let workspace = self.run_view.settings.workspaces.of(role, self.profile.as_deref());
        workspace.is_some() || self.run_view.functions.is_some()
    }

    /// The same, after what its session takes to be brought back.
    async fn reserved_with(&self, turn: &mut Option<SessionTurn>) -> Result<RunReservation, Outcome> {
        if let Some((turn, config)) = turn.as_mut().zip(self.run_view.settings.sessions.as_ref()) {
            turn.reserve(&self.spender, config).await?;
        }
        self.reserved().await
    }

    /// What its budgets have for it.
    pub(crate) async fn reserved(&self) -> Result<RunReservation, Outcome> {
        let reserved = self.spender.reserve_run(&self.run_view.settings.limits).await;
        reserved.map_err(|refused| {
            let outcome = run_outcome(refused);
            let (principal, why) = (&self.context.principal, reason(&outcome));
            tracing::info!(%principal, outcome = outcome.name(), why, "run over budget");
            outcome
        })
    }

    /// What the journal has of its beginning.
    fn start(&self, admitted: &AdmittedScript, limits: &Limits) -> RunStart {
        let RunView { settings, kept, .. } = &*self.run_view;
        let finding = |note: &Note| cut(&format!("line {}: {}", note.line, note.message), FINDING);
        RunStart {
            source: admitted.script.source().to_owned(),
            source_sha256: admitted.source_sha256.clone(),
            profile: self.profile.as_deref().map(str::to_owned),
            claims: ClientClaims::clone(&self.claims),
            trace_id: self.trace_id(),
            rule: admitted.rule.clone(),
            findings: admitted.notes.iter().take(FINDINGS).map(finding).collect(),
            limits: self.engine.effective(limits.clone()),
            namespace_sha256: admitted.namespace.as_ref().map(|object| object.sha256.clone()).unwrap_or_default(),
            policy_sha256: kept.policy_sha256(&settings.policy).to_owned(),
            guest_sha256: self.engine.guest_sha256().to_owned(),
            repairs: self.repair.as_ref().map(|repair| repair.of().clone()),
            session: None,
            parent: None,
        }
    }

    /// What the journal has of a script that does not run.
    fn refused_start(&self) -> RefusedStart {
        let RunView { settings, kept, .. } = &*self.run_view;
        RefusedStart {
            profile: self.profile.as_deref().map(str::to_owned),
            claims: ClientClaims::clone(&self.claims),
            trace_id: self.trace_id(),
            policy_sha256: kept.policy_sha256(&settings.policy).to_owned(),
        }
    }

    fn trace_id(&self) -> Option<String> {
        let trace = self.context.trace.as_ref()?;
        Some(format!("{:032x}", u128::from_be_bytes(trace.trace_id)))
    }

    /// Has the guest kept that the run is made with.
    fn keep_guest(&self) {
        if self.record.keeps_readings() && self.engine.guest_sha256() == GUEST_DIGEST {
            self.record.keep_guest(PackedGuest { sha256: GUEST_DIGEST, zstd: GUEST_COMPONENT });
        }
    }

    /// Records that the script does not run, durable when it returns: its client is about to see it. A failure is logged and counted; nothing was
    /// done.
    async fn refused(&self, outcome: Outcome, source: (u64, String)) -> Report {
        let (name, (source_bytes, source_sha256)) = (outcome.name().to_owned(), source);
        let reason = reason(&outcome);
        let start = Some(Box::new(self.refused_start()));
        let refused = Event::RunRefused { outcome: name, source_bytes, source_sha256, reason, start };
        let _ = self.record.require(refused).await;
        Report::not_started(outcome)
    }

    /// What the run takes from the machine: its clocks and randomness, and its files if it has some.
    async fn live_io(
        &self,
        clock: Duration,
        active: &Arc<ActiveTime>,
        session: Option<SessionFiles>,
    ) -> Result<SystemIo, OpenError> {
        let config = &self.run_view.settings.workspaces;
        let whose = (&*self.identity, &*self.client);
        let files = self.workspaces.files(config, whose, self.profile.as_deref()).await?;
        let io = SystemIo::counting(clock, Arc::clone(active));
        Ok(match files {
            Some(files) => io.with_files(match session {
                Some(session) => session.of_script(files),
                None => files,
            }),
            None => io,
        })
    }

    /// What it shares with the functions that it calls, if it sees some.
    fn nesting(&self, limits: &Limits, resumed: Option<&ResumedPart>) -> Option<Nesting> {
        let (runs, _) = self.function_runs.as_ref().zip(self.run_view.functions.as_ref())?;
        let limits = self.engine.effective(limits.clone());
        let shared = NestedRuns {
            runs: Arc::clone(runs),
            tree: RunTree::after(limits.fuel, resumed.map_or(0, |resumed| resumed.functions.fuel)),
            limits,
            calls: resumed.map_or_else(CallCount::default, CallCount::of),
            retries: Arc::default(),
            profile: self.profile.clone(),
            claims: Arc::clone(&self.claims),
            cancellation: self.cancellation.clone(),
        };
        Some(Nesting { shared: Arc::new(shared), level: 0, function: None })
    }

    /// Executes a script that may start. `part`: what of it was executed before.
    pub(crate) async fn run(self, script: Script, grants: Grants, limits: Limits, part: RunPart) -> CameOfPart {
        // Also when this future is dropped before it completes.
        let _over = OriginEndGuard::of(self.run_view.routes.clone(), self.context.origin.clone());
        let clock = part.clock();
        let RunPart { took, active, holds, resumed, session } = part;
        let before = resumed.as_ref().map_or_else(FunctionUsage::default, |resumed| resumed.functions);
        let (held, first_hold) = mpsc::unbounded_channel();
        let io = match self.live_io(clock, &active, session.as_ref().map(|session| session.files.clone())).await {
            Ok(io) => io,
            // The log has the reason.
            Err(_) => {
                let (report, functions) = (Report::not_started(Outcome::Unavailable(NO_FILES.to_owned())), before);
                return CameOfPart { report, cost: Cost::ZERO, functions, left: None };
            }
        };
        let io = self
            .record
            .io(io, resumed.as_ref().map_or_else(RecordedSize::default, |resumed| resumed.resume.recorded_size()));
        let (run_view, metrics) = (Arc::clone(&self.run_view), Arc::clone(&self.metrics));
        // What a function holds is part of what its caller may hold, and the interpreter of a session outlives its script.
        let nesting = if session.is_some() { None } else { self.nesting(&limits, resumed.as_ref()) };
        let shared = nesting.as_ref().map(|nesting| Arc::clone(&nesting.shared));
        let tools = RunTools::new(RunParts {
            context: self.context,
            identity: self.identity,
            run_view: self.run_view,
            grants,
            authority: self.authority,
            spender: Arc::new(self.spender),
            record: self.record,
            metrics: self.metrics,
            limits: call_limits(&limits),
            held,
            asker: self.asker,
            page: self.approvals.filter(|approvals| approvals.has_page()),
            holds: holds.clone(),
            resumed: resumed.as_ref().map(|resumed| Arc::clone(resumed.resume.recorded())),
            repair: resumed.as_ref().map_or(self.repair, |resumed| resumed.repair.clone()),
            nesting,
        });
        let (host, io, resumption) = begun(resumed.map(|resumed| resumed.resume), &tools, io, &active);
        let ends = RunEnds { holds, resumption, cancellation: self.cancellation, stopping: self.stopping };
        let own = ends.own_cancellation();
        let (events, starting, live) =
            (self.events, Arc::clone(self.registered.live()), Arc::clone(self.registered.live()));
        let engine = self.engine;
        let mut run = engine
            .run(script, limits, host)
            .with_io(io)
            .with_active_time(active)
            .with_start(move || starting.is(RunState::Executing))
            .with_events(Arc::new(move |event| {
                live.tell(&event);
                // Without a receiver the run continues.
                let _ = events.send(event);
            }))
            .with_cancellation(own.clone())
            .with_spent(took)
            .with_hold(ends.held(first_hold, own));
        if let Some(shared) = &shared {
            run = run.with_tree(shared.tree.clone(), 0);
        }
        let (report, left) = executed(run, session).await;
        metrics.faults_counted(engine.counts_faults_right());
        let mut report = ends.judged(report);
        let functions = shared.map_or(before, |shared| FunctionUsage {
            fuel: shared.tree.fuel_used().saturating_sub(report.usage.fuel),
            tool_calls: shared.calls.below(),
        });
        tell_calls(&mut report, &run_view.namespace, tools.notes());
        CameOfPart { report, cost: tools.cost(), functions, left }
    }
}

/// What came of a run that goes on while its start is recorded.
///
/// # Errors
///
/// That is refused. The run is dropped.
async fn unless_refused(
    ran: impl Future<Output = CameOfPart>,
    starting: &mut BoxFuture<'static, Result<(), JournalError>>,
) -> Result<CameOfPart, JournalError> {
    tokio::select! {
        biased;
        Err(error) = starting => Err(error),
        came = ran => Ok(came),
    }
}
