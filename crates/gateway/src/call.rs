//! The way of every tool call: validate, authorize, record, dispatch.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use exuvia_access::Identity;
use exuvia_access::budget::{CallReservation, Refused, Spender};
use exuvia_journal::{Approval, Event};
use exuvia_policy::{Allowed, Denial, DenialReason, Grants, Permit, Provider, Refusal, RunCallCounts};
use exuvia_replay::RecordedRun;
use exuvia_runtime::Limits;
use exuvia_tool::{
    BoxFuture, CallContext, CallError, Cost, Deadline, DispatchOrder, DispatchTicket, HeldCall, Json, JsonError,
    MAX_TREE_BYTES, Namespace, Tool, ToolCall, ToolHost, ToolName, ToolOutcome, WithheldTool,
};
use exuvia_upstream::CallLimits;
use tokio::sync::mpsc;
use tracing::field::display;
use tracing::{Instrument as _, Span};

use crate::approvals::RunHolds;
use crate::authority::Authority;
use crate::call_notes::CallNotes;
use crate::call_rejected::CallRejected;
use crate::client_questions::ClientAsker;
use crate::end_guards::{CallCountGuard, CallEndGuard};
use crate::metrics::Metrics;
use crate::over_budget;
use crate::record::RunRecord;
use crate::repair::{Earlier, Repair};
use crate::retries::{RetryBudget, is_repeatable};
use crate::settings::RunView;
use crate::trees;
use crate::unknown_name::unknown;

/// The rule of a call that the operator's command allows.
pub(crate) const OPERATOR: &str = "operator";

/// The rule of a call of a tool that is withheld.
const PINNED: &str = "pin = \"enforce\"";

/// The longest answer of a search in a script, in bytes.
const MAX_SEARCH_BYTES: usize = 8_000;

/// Answers the calls of one run, with the grants of that run. Clones are the same run.
#[derive(Clone)]
pub(crate) struct RunTools(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) run: RunParts,
    /// The fields that the log has of the run, wherever its calls are made.
    log: Span,
    spent: Mutex<RunCallCounts>,
    ended: AtomicBool,
    /// In which order calls leave, by server.
    orders: Mutex<HashMap<String, DispatchOrder>>,
    notes: CallNotes,
    retries: RetryBudget,
    /// What its calls have cost, in millionths.
    cost: AtomicU64,
}

/// What one run, or one call of a client, is made with.
pub(crate) struct RunParts {
    pub(crate) context: CallContext,
    pub(crate) identity: Arc<Identity>,
    pub(crate) run_view: Arc<RunView>,
    pub(crate) grants: Grants,
    pub(crate) authority: Arc<Authority>,
    /// The budgets of whoever acts.
    pub(crate) spender: Spender,
    pub(crate) record: Arc<RunRecord>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) limits: CallLimits,
    /// Receives calls that wait for an approval where nobody is asked. The receiver ends the run.
    pub(crate) held: mpsc::UnboundedSender<HeldCall>,
    /// Asks the client of the run what servers want to know. None: it cannot be asked.
    pub(crate) asker: Option<ClientAsker>,
    /// Asks about calls that need an approval. None: nobody is asked.
    pub(crate) holds: Option<Arc<RunHolds>>,
    /// What is recorded of a run that is brought back.
    pub(crate) resumed: Option<Arc<RecordedRun>>,
    /// The earlier run whose answers it takes.
    pub(crate) repair: Option<Arc<Repair>>,
}

impl RunParts {
    /// What goes with a call that is made now: with the credentials of the role that its principal has now.
    pub(crate) fn call_context(&self) -> CallContext {
        self.context.clone().with_credential(self.authority.credential(&self.identity))
    }
}

/// The part of a run's limits that holds for one call.
pub(crate) fn call_limits(limits: &Limits) -> CallLimits {
    CallLimits { timeout: Duration::from_millis(limits.call_timeout_ms), result_bytes: limits.call_result_bytes as u64 }
}

impl RunTools {
    pub(crate) fn new(run: RunParts) -> Self {
        let mut spent = RunCallCounts::default();
        let before = run.resumed.iter().flat_map(|run| run.calls.values()).filter(|call| call.is_intended);
        before.for_each(|call| spent.count(&call.name.server));
        Self(Arc::new(Inner {
            run,
            log: Span::current(),
            spent: Mutex::new(spent),
            ended: AtomicBool::new(false),
            orders: Mutex::default(),
            notes: CallNotes::default(),
            retries: RetryBudget::default(),
            cost: AtomicU64::new(0),
        }))
    }

    /// What the run calls with.
    pub(crate) fn run(&self) -> &RunParts {
        &self.0.run
    }

    /// What there is to say of the calls made so far.
    pub(crate) fn notes(&self) -> &CallNotes {
        &self.0.notes
    }

    /// What the calls made so far have cost.
    pub(crate) fn cost(&self) -> Cost {
        Cost::from_micros(self.0.cost.load(Ordering::Relaxed))
    }

    /// Takes a call as far as to its permit: validated, authorized, recorded.
    pub(crate) async fn admit(&self, call: ToolCall, kind: CallKind) -> Result<Admitted, CallRejected> {
        self.0.admit(&call, kind, Authorization::OfRun, None).await
    }
}

impl ToolHost for RunTools {
    fn namespace(&self) -> &Namespace {
        &self.0.run.run_view.namespace
    }

    fn call(&self, call: ToolCall, deadline: Deadline) -> BoxFuture<'static, ToolOutcome> {
        let this = self.clone();
        let log = self.0.log.clone();
        // Here and not in the future: this is called in the order of the script, whatever is polled first.
        let ticket = self.0.ticket(&call.name.server);
        match self.0.earlier(&call) {
            Earlier::Nothing => Box::pin(async move { this.0.make(call, deadline, ticket).await }.instrument(log)),
            Earlier::Answer(value) => Box::pin(async move { this.0.reuse(call, value).await }.instrument(log)),
            Earlier::Unknown(error) => Box::pin(std::future::ready(this.0.withhold(call, error))),
        }
    }

    fn search(&self, query: String) -> BoxFuture<'static, String> {
        let stubs = Arc::clone(&self.0.run.run_view.stubs);
        Box::pin(async move {
            // The first search of a view reads all that its servers wrote.
            let found = tokio::task::spawn_blocking(move || stubs.list(Some(&query), MAX_SEARCH_BYTES)).await;
            found.unwrap_or_default()
        })
    }

    fn script_ended(&self) {
        self.0.ended.store(true, Ordering::SeqCst);
    }
}

/// What a call asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallKind {
    /// A tool: there is one of this name, with a schema.
    Tool,
    /// What the protocol has beside tools, by its method: the server judges its parameters.
    Read,
}

/// On whose word a call is made.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Authorization<'a> {
    /// By the grants of its run.
    OfRun,
    /// By this approval, in place of them.
    Of(&'a Approval),
}

/// A call that may be made, and whose intent is recorded.
pub(crate) type Admitted = (Permit, CallEndGuard);

/// What is recorded of a call before it is made.
fn intent(permit: &Permit, asked: &ToolCall, by: Authorization<'_>) -> Event {
    let (call, written) = (permit.call().clone(), &asked.arguments);
    let is_amended = call.arguments.as_str() != written.as_str();
    let rule = match by {
        Authorization::Of(approval) => format!("approval {}", approval.id),
        Authorization::OfRun => permit.rule().map_or_else(|| OPERATOR.to_owned(), ToString::to_string),
    };
    let written = is_amended.then(|| written.clone().into_json());
    Event::CallIntended { call, written, rule, cost: permit.cost() }
}

impl Inner {
    /// A place behind the calls of this server that were made before. A server that does not exist gets no order.
    fn ticket(&self, server: &str) -> DispatchTicket {
        if self.run.run_view.namespace.server(server).is_none() {
            return DispatchTicket::default();
        }
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        match orders.get(server) {
            Some(order) => order.ticket(),
            None => orders.entry(server.to_owned()).or_default().ticket(),
        }
    }

    /// What an earlier run has of a call that a repaired script makes.
    fn earlier(&self, call: &ToolCall) -> Earlier {
        let Some(repair) = &self.run.repair else { return Earlier::Nothing };
        repair.earlier(call, || {
            let is_declared = self.tool(&call.name).is_ok_and(|tool| is_repeatable(tool.descriptor.annotations));
            is_declared || self.run.authority.policy().repeats(&call.name)
        })
    }

    /// Answers a call from an earlier run, if it may still be made.
    async fn reuse(self: &Arc<Self>, call: ToolCall, value: Json) -> ToolOutcome {
        let (this, asked, tree_bytes) = (Arc::clone(self), call.clone(), call.arguments.extent().tree_bytes);
        let allowed = trees::over(tree_bytes, move || this.allowed(asked, CallKind::Tool, None)).await;
        match allowed {
            Ok(_) => {}
            // Nothing is called, and whoever acts has this answer already.
            Err(CallRejected::Held(_)) if self.run.holds.is_some() => {}
            Err(rejected) => {
                self.record_refusal(call, &rejected);
                return self.rejected_outcome(rejected).await;
            }
        }
        let (id, value_bytes) = (call.id, value.size_bytes() as u64);
        if let Some(repair) = &self.run.repair {
            self.run.record.note(Event::CallReused { call, of: repair.of().clone(), reused: id });
        }
        let outcome = Ok(value);
        let ended = Event::CallEnded { id, code: "ok".to_owned(), outcome: Some(outcome.clone()), value_bytes, ms: 0 };
        self.run.record.note(ended);
        outcome
    }

    /// Does not make a call again of which nobody knows whether it took effect.
    fn withhold(&self, call: ToolCall, error: CallError) -> ToolOutcome {
        self.record_refusal(call, &error.clone().into());
        Err(error)
    }

    /// What a call comes to that is not made. One that is held ends the run.
    pub(crate) async fn rejected_outcome(&self, rejected: CallRejected) -> ToolOutcome {
        match rejected {
            CallRejected::Refused { error, .. } => Err(error),
            CallRejected::Held(held) => {
                // Nobody listens once the run is ending for another reason.
                let _ = self.run.held.send(*held);
                std::future::pending().await
            }
        }
    }

    async fn make(self: &Arc<Self>, call: ToolCall, deadline: Deadline, ticket: DispatchTicket) -> ToolOutcome {
        let server = self.run.run_view.namespace.server(&call.name.server).map(|server| server.name.clone());
        let mut counted = CallCountGuard::new(&self.run.metrics, server, Some(deadline.clone()));
        let (id, name) = (call.id, call.name.clone());
        let retries = self.retries_of(&name);
        // Only what may be made again is kept.
        let again = (retries > 0).then(|| call.clone());
        let mut outcome = self.attempt(call, &deadline, ticket, &mut counted).await;
        let mut attempts = 1;
        while let (Err(error), Some(call), false) = (&outcome, &again, self.is_asked(id)) {
            let Some(pause) = self.retries.pause(error, attempts, retries, &deadline) else { break };
            self.notes.retried(id);
            tokio::time::sleep(pause).await;
            attempts += 1;
            // In no order: what came after the first attempt has left.
            outcome = self.attempt(call.clone(), &deadline, DispatchTicket::default(), &mut counted).await;
        }
        counted.code = Some(outcome.as_ref().map_or_else(CallError::code, |_| "ok"));
        self.notes.note(&name, &outcome);
        outcome
    }

    /// How often a call of a tool may be made again.
    fn retries_of(&self, name: &ToolName) -> u32 {
        let policy = self.run.authority.policy();
        let is_declared = || self.tool(name).is_ok_and(|tool| is_repeatable(tool.descriptor.annotations));
        if policy.repeats(name) || is_declared() { policy.retries(&name.server) } else { 0 }
    }

    async fn attempt(
        self: &Arc<Self>,
        call: ToolCall,
        deadline: &Deadline,
        ticket: DispatchTicket,
        counted: &mut CallCountGuard,
    ) -> ToolOutcome {
        let admitted = match self.unknown(&call) {
            Some(held) => Err(CallRejected::Held(Box::new(held))),
            None => self.admit(&call, CallKind::Tool, Authorization::OfRun, Some(deadline)).await,
        };
        match (admitted, &self.run.holds) {
            (Ok(admitted), _) => self.dispatch(admitted, deadline.clone(), ticket).await,
            (Err(CallRejected::Held(held)), Some(holds)) => {
                // A person may take a day: what comes after the call does not wait for it.
                drop(ticket);
                let outcome = self.when_approved(call, *held, holds, deadline).await;
                counted.code = Some(outcome.as_ref().map_or_else(CallError::code, |_| "ok"));
                outcome
            }
            (Err(rejected), _) => {
                counted.code = Some(rejected.code());
                // The ticket stays: what comes after a call that is held does not leave before it.
                let _ticket = ticket;
                self.rejected_outcome(rejected).await
            }
        }
    }

    /// Validates, authorizes and records a call that is about to be made, or records why it is not.
    pub(crate) async fn admit(
        self: &Arc<Self>,
        asked: &ToolCall,
        kind: CallKind,
        by: Authorization<'_>,
        deadline: Option<&Deadline>,
    ) -> Result<Admitted, CallRejected> {
        let (call, this, tree_bytes) = (asked.clone(), Arc::clone(self), asked.arguments.extent().tree_bytes);
        let approved = match by {
            Authorization::OfRun => None,
            Authorization::Of(_) => Some(call.name.clone()),
        };
        let allowed = trees::over(tree_bytes, move || this.allowed(call, kind, approved)).await;
        let admitted = match allowed {
            Ok(allowed) => self.reserved(allowed, asked, by, deadline).await,
            Err(rejected) => Err(rejected),
        };
        if let Err(rejected) = &admitted {
            self.record_refusal(asked.clone(), rejected);
        }
        admitted
    }

    fn allowed(&self, mut call: ToolCall, kind: CallKind, approved: Option<ToolName>) -> Result<Allowed, CallRejected> {
        // Arguments that nest too deep cannot be read, neither by a condition nor by the server.
        if call.arguments.extent().tree_bytes == usize::MAX {
            let message = format!("the arguments of {} nest too deep", call.name);
            return Err(CallError::InvalidArguments(message).into());
        }
        if kind == CallKind::Tool {
            self.is_accepted(&call.name)?;
            self.validate(&mut call)?;
        }
        self.goes_on(&call.name)?;
        let approved = approved.map(Grants::approved);
        let grants = approved.as_ref().unwrap_or(&self.run.grants);
        self.run.authority.decide(call, grants, &self.run.identity).map_err(|refusal| self.rejected(refusal))
    }

    /// Takes the quotas of a call and records it.
    async fn reserved(
        &self,
        allowed: Allowed,
        asked: &ToolCall,
        by: Authorization<'_>,
        deadline: Option<&Deadline>,
    ) -> Result<Admitted, CallRejected> {
        // What is reserved and not made is given back when it is dropped.
        let reserved = self.run.spender.reserve_call(allowed.quotas().cost).await;
        let of_budgets = reserved.map_err(|refused| self.over_budget(&asked.name, refused))?;
        let reserved = self.run.authority.reserve(allowed, &self.spent).await;
        let permit = reserved.map_err(|refusal| self.rejected(refusal))?;
        self.goes_on(&permit.call().name)?;
        self.take(permit.call(), by).await?;
        // Its record may be written whatever becomes of this future.
        let (made, cost) = (of_budgets.map(CallReservation::make), permit.cost());
        match self.record_intent(permit, asked, by, deadline).await {
            Ok(admitted) => {
                self.cost.fetch_add(cost.micros(), Ordering::Relaxed);
                Ok(admitted)
            }
            Err(error) => {
                if let Some(made) = made {
                    made.give_back();
                }
                Err(error.into())
            }
        }
    }

    /// Nothing of a script is called once it has ended.
    fn goes_on(&self, tool: &ToolName) -> Result<(), CallRejected> {
        if self.ended.load(Ordering::SeqCst) {
            return Err(CallRejected::denied(&Denial { tool: tool.clone(), reason: DenialReason::Ended }));
        }
        Ok(())
    }

    fn rejected(&self, refusal: Refusal) -> CallRejected {
        let origin = &self.run.context.origin;
        let (run, direct) = (origin.run().map(display), origin.direct().map(display));
        match refusal {
            Refusal::Denied(denial) => {
                let rejected = CallRejected::denied(&denial);
                let (tool, rule) = (&denial.tool, rejected.rule());
                tracing::info!(run.id = run, direct.id = direct, tool.name = %tool, rule, "call denied");
                rejected
            }
            Refusal::Held(held) => {
                tracing::info!(run.id = run, direct.id = direct, tool.name = %held.name, "call held");
                CallRejected::Held(held)
            }
        }
    }

    fn over_budget(&self, tool: &ToolName, refused: Refused) -> CallRejected {
        let origin = &self.run.context.origin;
        let (run, direct) = (origin.run().map(display), origin.direct().map(display));
        let (principal, rejected) = (&self.run.context.principal, over_budget::call_rejected(refused));
        let rule = rejected.rule();
        tracing::info!(run.id = run, direct.id = direct, principal = %principal, tool.name = %tool, rule, "call over budget");
        rejected
    }

    /// A tool that is not as the operator accepted it is not called: neither by who began when it was, nor by who cannot see it any
    /// more. What the run may not see does not exist, withheld or not.
    fn is_accepted(&self, name: &ToolName) -> Result<(), CallRejected> {
        let RunView { namespace, pins, .. } = &*self.run.run_view;
        let Some(server) = namespace.server(&name.server) else { return Ok(()) };
        let hidden = server.withheld().iter().find(|withheld| withheld.tool.name() == name.tool);
        let since = || pins.as_ref().filter(|_| server.tool(&name.tool).is_some())?.withheld(name);
        let Some(why) = hidden.map(|WithheldTool { why, .. }| *why).or_else(since) else { return Ok(()) };
        let origin = &self.run.context.origin;
        let (run, direct) = (origin.run().map(display), origin.direct().map(display));
        tracing::info!(run.id = run, direct.id = direct, tool.name = %name, rule = PINNED, "call denied");
        Err(CallRejected::Refused { error: CallError::Denied(why.trouble(name)), rule: PINNED.to_owned() })
    }

    /// Checks that the tool exists for this run and that the arguments match its schema. Arguments that are too large for a
    /// tree are not checked: the check helps the script's author and is no protection, and the server checks its arguments
    /// itself.
    pub(crate) fn validate(&self, call: &mut ToolCall) -> Result<(), CallError> {
        let tool = self.tool(&call.name)?;
        if call.arguments.extent().tree_bytes > MAX_TREE_BYTES {
            return Ok(());
        }
        let unreadable = |error: JsonError| CallError::InvalidArguments(error.to_string());
        // Before anything is decided on them: what is decided on is what is sent. A client's own call is sent as it is.
        if self.run.context.origin.run().is_some() {
            call.arguments.amend(|arguments| tool.arguments.fit(arguments)).map_err(unreadable)?;
        }
        let arguments = call.arguments.tree().map_err(unreadable)?;
        tool.arguments.check(arguments).map_err(CallError::InvalidArguments)
    }

    pub(crate) fn tool(&self, name: &ToolName) -> Result<&Tool, CallError> {
        let namespace = &self.run.run_view.namespace;
        let ToolName { server: server_name, tool: tool_name } = name;
        let server = namespace.server(server_name).ok_or_else(|| {
            let names = namespace.servers().iter().map(|server| server.python_name.as_str());
            CallError::UnknownTool(unknown("server", server_name, names))
        })?;
        server.tool(tool_name).ok_or_else(|| {
            let names = server.tools().iter().map(|tool| tool.python_name.as_str());
            CallError::UnknownTool(unknown(&format!("tool of {}", server.python_name), tool_name, names))
        })
    }

    /// What is not recorded is not done.
    async fn record_intent(
        &self,
        permit: Permit,
        asked: &ToolCall,
        by: Authorization<'_>,
        deadline: Option<&Deadline>,
    ) -> Result<Admitted, CallError> {
        let recorded = CallEndGuard::new(&self.run.record, permit.call().id, deadline.cloned());
        let intended = intent(&permit, asked, by);
        let is_repeatable = permit.is_repeatable() && matches!(by, Authorization::OfRun);
        let kept = match is_repeatable {
            true => self.run.record.queue(intended),
            false => self.run.record.require(intended).await,
        };
        match kept {
            Ok(()) => Ok((permit, recorded)),
            Err(_) => {
                recorded.forget();
                Err(CallError::UpstreamUnavailable("call not made: the journal is unavailable".into()))
            }
        }
    }

    pub(crate) fn record_refusal(&self, call: ToolCall, rejected: &CallRejected) {
        if matches!(rejected, CallRejected::Held(_)) && self.run.holds.is_some() {
            // It is recorded when it is asked about.
            return;
        }
        let error = match rejected {
            CallRejected::Refused { error, .. } => Some(error.clone()),
            CallRejected::Held(_) => None,
        };
        let (code, rule) = (rejected.code().to_owned(), rejected.rule().to_owned());
        self.run.record.note(Event::CallRefused { call, code, error, rule });
    }

    pub(crate) async fn dispatch(&self, admitted: Admitted, deadline: Deadline, ticket: DispatchTicket) -> ToolOutcome {
        let (permit, mut recorded) = admitted;
        let context = self.run.call_context().until(deadline.clone()).bounded(self.run.limits.result_bytes);
        let provider: &dyn Provider = &self.run.run_view.routes;
        // What is learned is shown to all of the role: not what a server says to one principal alone.
        let is_shared = self.run.run_view.routes.is_shared_by_role(&permit.call().name.server, &context);
        let answer_shapes = self.run.run_view.answer_shapes.as_ref().filter(|_| is_shared);
        let learning = answer_shapes.map(|answer_shapes| (answer_shapes, permit.call().name.clone()));
        let outcome = match &self.run.asker {
            Some(asker) => self.call_asking(permit, context, asker, &deadline, ticket).await,
            None => provider.call(permit, context, ticket).await,
        };
        recorded.came(&outcome);
        if let (Some((answer_shapes, name)), Ok(answer)) = (learning, &outcome)
            && let Ok(tool) = self.tool(&name)
        {
            answer_shapes.observe(&name, tool, answer);
        }
        outcome
    }
}
