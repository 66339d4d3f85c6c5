//! The run of a function: below its caller's, with no more than that has.

use std::sync::Arc;
use std::time::Instant;

use exuvia_functions::Callable;
use exuvia_journal::{Event, ParentCall, RunStart};
use exuvia_replay::RecordedSize;
use exuvia_replay::sha256_hex;
use exuvia_runtime::{Limits, Outcome, Report, Script, SystemIo};
use exuvia_tool::{CallContext, CallError, Deadline, DispatchTicket, Origin, ToolCall, ToolName, ToolOutcome};
use tokio::sync::mpsc;

use super::nesting::{NestedFunction, Nesting};
use super::outcome::outcome;
use crate::call::{Inner, RunParts, RunTools, call_limits};
use crate::end_guards::RunEndGuard;
use crate::record::RunRecord;
use crate::recorded_end::recorded_end;
use crate::run_part::first_of;
use crate::run_report::over;
use crate::run_span;
use crate::runs::RunState;

/// A call of a function that is about to run.
struct FunctionCall {
    caller: Arc<Inner>,
    nesting: Nesting,
    call: ToolCall,
    context: CallContext,
    script: String,
    version: u32,
    function: NestedFunction,
}

/// Answers a permitted call of a function.
pub(super) async fn answer(
    caller: Arc<Inner>,
    call: ToolCall,
    context: CallContext,
    ticket: DispatchTicket,
) -> ToolOutcome {
    ticket.admission.first().await;
    ticket.leaving.first().await;
    let prepared = prepared(caller, call, context).await?;
    drop(ticket);
    let (name, limits) = (prepared.call.name.clone(), prepared.nesting.shared.limits.clone());
    let (tree, deadline) = (prepared.nesting.shared.tree.clone(), prepared.context.deadline.clone());
    let came = Box::pin(prepared.execute()).await?;
    match (came.outcome, deadline) {
        (Outcome::Cancelled, Some(deadline)) if Instant::now() >= deadline.at() => Err(deadline.missed()),
        (came, _) => outcome(&name, came, &limits, tree.fuel_used()),
    }
}

/// Finds out what is to run, and whether it may.
async fn prepared(caller: Arc<Inner>, call: ToolCall, context: CallContext) -> Result<FunctionCall, CallError> {
    let run = &caller.run;
    let (Some(functions), Some(nesting)) = (&run.run_view.functions, &run.nesting) else {
        let why = format!("{} cannot be called from a script of a session: run it without `session`", call.name);
        return Err(CallError::UpstreamUnavailable(why));
    };
    let callable = callable(functions.shown.set.get(&call.name.tool), &functions.shown.library.set(), &call.name)?;
    let level = nesting.level + 1;
    let depth = functions.shown.config.depth.min(nesting.shared.runs.engine.nested_levels());
    if level > depth {
        let limit = "functions.depth".to_owned();
        return Err(CallError::LimitReached { limit, allowed: depth.into(), used: level.into() });
    }
    let script = callable.function.script(call.arguments.as_str());
    let limits = &nesting.shared.limits;
    if script.len() > limits.source_bytes {
        let (allowed, used) = (limits.source_bytes as u64, script.len() as u64);
        return Err(CallError::LimitReached { limit: "source_bytes".to_owned(), allowed, used });
    }
    let function = NestedFunction {
        name: call.name.clone(),
        own_tools: functions.own_tools(&callable.function, &run.run_view.namespace).await,
        spent: Arc::clone(&caller.spent),
    };
    let (version, nesting) = (callable.version, Nesting { level, ..nesting.clone() });
    Ok(FunctionCall { nesting, call, context, script, version, function, caller: Arc::clone(&caller) })
}

/// The function as the run sees it, if it is still the promoted one.
fn callable<'a>(
    seen: Option<&'a Callable>,
    now: &exuvia_functions::FunctionSet,
    name: &ToolName,
) -> Result<&'a Callable, CallError> {
    let is_same =
        |seen: &&Callable| now.get(&name.tool).is_some_and(|now| now.function.sha256() == seen.function.sha256());
    seen.filter(is_same).ok_or_else(|| {
        let message = format!("{name} was changed or retired since the script began: go on without it");
        CallError::Denied(message)
    })
}

impl FunctionCall {
    /// Runs it to its end, between its two entries in the journal.
    async fn execute(self) -> Result<Report, CallError> {
        let runs = Arc::clone(&self.nesting.shared.runs);
        let (parent, id) = (&self.caller.run.context, runs.ids.run());
        let span = run_span::begin(&id, &parent.principal, parent.trace.as_ref());
        let mut context = CallContext::new(parent.principal.clone(), Origin::Run(id.clone())).below(span.place());
        context.client.clone_from(&parent.client);
        let cancellation = self.nesting.shared.cancellation.child_token();
        let profile = self.nesting.shared.profile.clone();
        let registered = runs.live.enter(id, &context, profile, cancellation.clone());
        let record = runs.recorder.of(&context);
        let mut ending = RunEndGuard::new(&record, &self.caller.run.metrics);
        ending.is_started = true;
        let limits = runs.engine.effective(self.nesting.shared.limits.clone());
        let started = self.start(&limits, &record);
        registered.live().reads(started.source_sha256.clone());
        if record.require(Event::RunStarted(Box::new(started))).await.is_err() {
            ending.is_started = false;
            return Err(CallError::UpstreamUnavailable("call not made: the journal is unavailable".to_owned()));
        }
        registered.live().is(RunState::Executing);
        let deadline = self.context.deadline.clone();
        let work = async move {
            let execution = self.run(&record, context, limits, cancellation.clone());
            let mut execution = std::pin::pin!(execution);
            let (report, cost) = tokio::select! {
                came = &mut execution => came,
                () = passed(deadline.as_ref()) => {
                    cancellation.cancel();
                    execution.await
                }
            };
            ending.came = Some(recorded_end(&report, cost));
            over(report, ending, None).await
        };
        let report = run_span::over(span, Box::pin(work)).await;
        drop(registered);
        Ok(report)
    }

    /// What the journal has of its beginning.
    fn start(&self, limits: &Limits, record: &RunRecord) -> RunStart {
        let run = &self.caller.run;
        let (run_view, shared) = (&run.run_view, &self.nesting.shared);
        // The caller's is kept: it is the same.
        let namespace = record.keeps_readings().then(|| run_view.kept.namespace(&run_view.namespace));
        RunStart {
            source: self.script.clone(),
            source_sha256: sha256_hex(&self.script),
            profile: shared.profile.as_deref().map(str::to_owned),
            claims: (*shared.claims).clone(),
            trace_id: None,
            rule: format!("{}, version {}", self.call.name, self.version),
            findings: Vec::new(),
            limits: limits.clone(),
            namespace_sha256: namespace.map(|object| object.sha256.clone()).unwrap_or_default(),
            policy_sha256: run_view.kept.policy_sha256(&run_view.settings.policy).to_owned(),
            guest_sha256: shared.runs.engine.guest_sha256().to_owned(),
            repairs: None,
            session: None,
            parent: run.context.origin.run().map(|run| ParentCall { run: run.clone(), call: self.call.id }),
        }
    }

    async fn run(
        self,
        record: &Arc<RunRecord>,
        context: CallContext,
        limits: Limits,
        cancellation: tokio_util::sync::CancellationToken,
    ) -> (Report, exuvia_tool::Cost) {
        let Self { caller, nesting, script, function, .. } = self;
        let run = &caller.run;
        let (held, first_hold) = mpsc::unbounded_channel();
        let (shared, level) = (Arc::clone(&nesting.shared), nesting.level);
        let tools = RunTools::new(RunParts {
            context,
            identity: Arc::clone(&run.identity),
            run_view: Arc::clone(&run.run_view),
            grants: run.grants.within(&function.own_tools),
            authority: Arc::clone(&run.authority),
            spender: Arc::clone(&run.spender),
            record: Arc::clone(record),
            metrics: Arc::clone(&run.metrics),
            limits: call_limits(&limits),
            held,
            asker: None,
            page: None,
            holds: None,
            resumed: None,
            repair: None,
            nesting: Some(Nesting { function: Some(function), ..nesting }),
        });
        let io = record.io(SystemIo::new(), RecordedSize::default());
        let execution = shared.runs.engine.run(Script::new(script), limits, Arc::new(tools.clone()));
        let execution = execution.with_io(io).with_tree(shared.tree.clone(), level);
        let report = execution.with_cancellation(cancellation).with_hold(first_of(first_hold)).execute().await;
        (report, tools.cost())
    }
}

/// The time of the call is over. Without a deadline it never is.
async fn passed(deadline: Option<&Deadline>) {
    let Some(deadline) = deadline else { return std::future::pending().await };
    loop {
        let now = Instant::now();
        if now >= deadline.at() {
            return;
        }
        tokio::time::sleep_until(deadline.check_at(now).into()).await;
    }
}
