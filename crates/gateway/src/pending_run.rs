//! A run with everything it needs: authorized, recorded, executed.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use exuvia_access::Identity;
use exuvia_access::budget::{RunReservation, Spender};
use exuvia_analysis::Note;
use exuvia_config::SessionsConfig;
use exuvia_journal::{Archive, ClientClaims, Event, JournalError, JournalErrorKind, PackedGuest, RunStart, RunUsage};
use exuvia_policy::Grants;
use exuvia_replay::{RecordedSize, SessionFiles};
use exuvia_runtime::{
    ActiveTime, Engine, GUEST_COMPONENT, GUEST_DIGEST, Limits, Outcome, Report, RunTree, Script, ScriptError, SystemIo,
};
use exuvia_text::{cut, one_line};
use exuvia_tool::{CallContext, Cost, Namespace, Origin, RunEvent, RunId, ToolName};
use exuvia_upstream::Routes;
use exuvia_workspace::OpenError;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use crate::admission::{PrePass, StartedBy};
use crate::answer::awaiting;
use crate::approvals::Approvals;
use crate::authority::Authority;
use crate::call::{CallNotes, RunParts, RunTools, call_limits};
use crate::client_questions::ClientAsker;
use crate::end_guards::RunEndGuard;
use crate::functions::{FunctionRuns, NestedRuns, Nesting};
use crate::metrics::Metrics;
use crate::over_budget::{run_outcome, settled};
use crate::pending_namespace::PendingNamespace;
use crate::queue::QueuePlace;
use crate::record::RunRecord;
use crate::recorded_end::recorded_end;
use crate::repair::Repair;
use crate::run_part::{CameOfPart, RunEnds, RunPart, SessionPart, begun, executed};
use crate::runs::{Registered, RunState};
use crate::script_analysis::{AdmittedScript, AnalysisOutcome, ScriptAnalysis};
use crate::sessions::{Reviving, SessionError, SessionTurn, Sessions};
use crate::settings::RunView;
use crate::view_store::ViewStore;
use crate::workspaces::Workspaces;

/// The most that the log has of the name of an exception, in characters.
const KIND: usize = 80;

/// The most that the journal has of a note of the analysis, in characters, and of the reason for which a script was rejected.
const FINDING: usize = 500;
const REASON: usize = 4_000;

/// The most notes of the analysis that the journal has.
const FINDINGS: usize = 20;

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
    /// The fuel that functions have used on its behalf, once it is over.
    pub(crate) fuel_below: Arc<AtomicU64>,
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
        let config = config.filter(|_| self.archive.is_some() && self.record.keeps_readings());
        let config = config.ok_or(SessionError::NotKept).map_err(|error| error.outcome())?;
        let entered = self.sessions.enter(config, &self.context.principal, self.profile.as_deref(), session).await;
        entered.map_err(|error| error.outcome())
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
        let reserved = self.cancellation.run_until_cancelled(self.reserved()).await;
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
        let started = Event::RunStarted(Box::new(RunStart { session: place, ..self.start(&admitted, &limits) }));
        let active = Arc::<ActiveTime>::default();
        let AdmittedScript { script, grants, notes, ending: at_the_end, took, held, reads, source_sha256, .. } =
            admitted;
        let holds = self.holds(&script, &source_sha256, reads, &active, None);
        let source = (script.source().len() as u64, source_sha256);
        match self.cancellation.run_until_cancelled(self.record.keep(namespace)).await {
            Some(Ok(())) => {}
            Some(Err(error)) => return Report::not_started(Outcome::Unavailable(unrecorded(&error))),
            None => return self.refused(Outcome::Cancelled, source).await,
        }
        // The journal has the start from here on, whatever becomes of this future: a run that is dropped has an end, and none has an end alone.
        ending.is_started = true;
        let recorded = self.record.require_intent(started, &ending.start);
        let recorded = self.cancellation.run_until_cancelled(recorded).await;
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
                let part = RunPart { took, active, holds, resumed: None, session };
                let fuel_below = Arc::clone(&self.fuel_below);
                let CameOfPart { report, cost, left } = self.run(script, grants, limits, part).await;
                if let Some(turn) = turn {
                    turn.left = left;
                }
                let report = settled(report, reservation, RunUsage::default(), fuel_below.load(Ordering::Relaxed));
                ending.came = Some(recorded_end(&report, cost));
                with_ending(noted(report, &notes), at_the_end)
            }
            Some(Err(error)) => {
                ending.is_started = false;
                Report::not_started(Outcome::Unavailable(unrecorded(&error)))
            }
            None => Report::not_started(Outcome::Cancelled),
        }
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
        let trace = self.context.trace.as_ref();
        RunStart {
            source: admitted.script.source().to_owned(),
            source_sha256: admitted.source_sha256.clone(),
            profile: self.profile.as_deref().map(str::to_owned),
            claims: ClientClaims::clone(&self.claims),
            trace_id: trace.map(|trace| format!("{:032x}", u128::from_be_bytes(trace.trace_id))),
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
        let refused = Event::RunRefused { outcome: name, source_bytes, source_sha256, reason };
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
    fn nesting(&self, limits: &Limits) -> Option<Nesting> {
        let (runs, _) = self.function_runs.as_ref().zip(self.run_view.functions.as_ref())?;
        let limits = self.engine.effective(limits.clone());
        let shared = NestedRuns {
            runs: Arc::clone(runs),
            tree: RunTree::new(limits.fuel),
            limits,
            calls: AtomicU64::new(0),
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
        let (held, first_hold) = mpsc::unbounded_channel();
        let io = match self.live_io(clock, &active, session.as_ref().map(|session| session.files.clone())).await {
            Ok(io) => io,
            Err(error) => {
                return CameOfPart { report: Report::fault(error.to_string()), cost: Cost::ZERO, left: None };
            }
        };
        let io = self
            .record
            .io(io, resumed.as_ref().map_or_else(RecordedSize::default, |resumed| resumed.resume.recorded_size()));
        let run_view = Arc::clone(&self.run_view);
        // What a function holds is part of what its caller may hold, and the interpreter of a session outlives its script.
        let nesting = if session.is_some() { None } else { self.nesting(&limits) };
        let (tree, fuel_below) = (nesting.as_ref().map(|nesting| nesting.shared.tree.clone()), self.fuel_below);
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
        let mut run = self
            .engine
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
        if let Some(tree) = &tree {
            run = run.with_tree(tree.clone(), 0);
        }
        let (report, left) = executed(run, session).await;
        let mut report = ends.judged(report);
        if let Some(tree) = tree {
            fuel_below.store(tree.fuel_used().saturating_sub(report.usage.fuel), Ordering::Relaxed);
        }
        tell_calls(&mut report, &run_view.namespace, tools.notes());
        CameOfPart { report, cost: tools.cost(), left }
    }
}

/// Records the end of a run, and says it to the operator.
pub(crate) async fn over(report: Report, ending: RunEndGuard, kept_as: Option<RunId>) -> Report {
    let mut report = advised(report);
    let is_parked = ending.is_parked();
    let is_recorded = ending.end(&mut report).await;
    report.kept_as = kept_as.filter(|_| is_recorded || is_parked);
    let (error, limit) = why(&report.outcome);
    tracing::info!(
        outcome = report.outcome.name(),
        error.kind = error.map(|error| one_line(&error.kind, KIND)),
        error.line = error.and_then(|error| error.line),
        limit,
        fuel.used = report.usage.fuel,
        memory.peak = report.usage.memory_bytes_peak,
        duration.ms = report.usage.wall_ms,
        calls = report.usage.tool_calls,
        "run ended"
    );
    report
}

/// Why a script is not run whose start cannot be recorded, for its client.
fn unrecorded(error: &JournalError) -> String {
    let why = match error.kind() {
        JournalErrorKind::Full => "too much waits to be recorded",
        _ => "the journal is unavailable, and nothing is run that cannot be recorded",
    };
    format!("{why}; nothing was called, and it may be sent again later")
}

/// Adds the configuration key to change to the hint of a timed-out call, for the model to show to its user.
fn advised(mut report: Report) -> Report {
    if let Outcome::Raised(error) = &mut report.outcome
        && error.kind == "ToolTimeout"
    {
        let advice = "raise `call_timeout_ms` in [limits] or of the server";
        error.hint.get_or_insert_with(|| advice.to_owned());
    }
    report
}

/// Why a run ended other than by returning. The message of an error may contain a tool's result and is not logged.
fn why(outcome: &Outcome) -> (Option<&ScriptError>, Option<&'static str>) {
    match outcome {
        Outcome::Raised(error) | Outcome::Denied(error) => (Some(error), None),
        Outcome::Stopped(stop) => (stop.error.as_ref(), Some(stop.limit.name())),
        _ => (None, None),
    }
}

/// Why a script was rejected, as reported to its author.
fn reason(outcome: &Outcome) -> String {
    let text = match outcome {
        Outcome::Raised(error) | Outcome::Denied(error) => format!("{}\n{}", error.message, error.traceback),
        Outcome::Stopped(stop) => stop.message.clone(),
        Outcome::AwaitingApproval(held) => awaiting(held),
        Outcome::Exhausted(exhausted) => exhausted.to_string(),
        // What went wrong inside is in the log.
        _ => String::new(),
    };
    cut(text.trim_end(), REASON)
}

/// Puts the notes into the log of a run that made calls one after the other: with one call there was nothing to gain.
fn noted(mut report: Report, notes: &[Note]) -> Report {
    if report.calls.len() > 1 {
        if !notes.is_empty() && !report.logs.text.is_empty() && !report.logs.text.ends_with('\n') {
            report.logs.text.push('\n');
        }
        for Note { line, message, .. } in notes {
            let _ = writeln!(report.logs.text, "note on line {line}: {message}");
        }
    }
    report
}

/// Adds what to do about a script that returned nothing and printed nothing.
fn with_ending(mut report: Report, advice: Option<String>) -> Report {
    let is_nothing = matches!(&report.outcome, Outcome::Returned(value) if value.as_str() == "null");
    if is_nothing && report.logs.text.is_empty() {
        report.notes.extend(advice);
    }
    report
}

/// Gives the calls the names that the script writes, and adds the notes on them.
fn tell_calls(report: &mut Report, namespace: &Namespace, notes: &CallNotes) {
    let mut names: HashMap<(String, String), Option<Arc<str>>> = HashMap::new();
    for call in &mut report.calls {
        let key = (call.server.clone(), call.tool.clone());
        let name = names.entry(key).or_insert_with(|| python_name(namespace, &call.server, &call.tool).map(Into::into));
        call.python_name.clone_from(name);
        call.retries = call.id.map_or(0, |id| notes.retries_of(id));
    }
    let shown = |name: &ToolName| python_name(namespace, &name.server, &name.tool).unwrap_or_else(|| name.to_string());
    let has_failed = !matches!(report.outcome, Outcome::Returned(_));
    report.notes.extend(notes.sentences(has_failed, shown));
}

/// `crm.get_order`, as a script writes it.
fn python_name(namespace: &Namespace, server: &str, tool: &str) -> Option<String> {
    let server = namespace.server(server)?;
    Some(format!("{}.{}", server.python_name, server.tool(tool)?.python_name))
}

/// Tells the servers when a run, or a client's own call, is over.
pub(crate) struct OriginEndGuard {
    routes: Routes,
    origin: Origin,
}

impl OriginEndGuard {
    pub(crate) fn of(routes: Routes, origin: Origin) -> Self {
        Self { routes, origin }
    }
}

impl Drop for OriginEndGuard {
    fn drop(&mut self) {
        self.routes.ended(&self.origin);
    }
}
