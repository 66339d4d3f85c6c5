//! The way of every tool call: validate, authorise, record, dispatch.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use exuvia_journal::{Entry, Journal};
use exuvia_policy::{Denial, DenialReason, Grants, Permit, Refusal, Spent};
use exuvia_runtime::Limits;
use exuvia_tool::{
    BoxFuture, CallError, CallId, HeldCall, MAX_TREE_BYTES, Namespace, Tool, ToolCall, ToolHost, ToolName, ToolOutcome,
};
use exuvia_trace::Scope;
use exuvia_upstream::{CallLimits, Caller};
use tokio::sync::mpsc;

use crate::authority::Authority;
use crate::metrics::Metrics;
use crate::settings::Snapshot;
use crate::trees;
use crate::unknown::unknown;

/// Answers the calls of one run, with the grants of that run. Clones are the same run.
#[derive(Clone)]
pub(crate) struct RunTools(Arc<Inner>);

struct Inner {
    run: RunParts,
    /// That of the run, wherever its calls are made.
    scope: Scope,
    spent: Mutex<Spent>,
    ended: AtomicBool,
}

/// What one run calls with.
pub(crate) struct RunParts {
    pub(crate) caller: Caller,
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) grants: Grants,
    pub(crate) authority: Arc<Authority>,
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) limits: CallLimits,
    /// Hears of calls that wait for an approval. Whoever listens ends the run.
    pub(crate) held: mpsc::UnboundedSender<HeldCall>,
}

/// The part of a run's limits that holds for one call.
pub(crate) fn call_limits(limits: &Limits) -> CallLimits {
    CallLimits { timeout: Duration::from_millis(limits.call_timeout_ms), result_bytes: limits.call_result_bytes as u64 }
}

impl RunTools {
    pub(crate) fn new(run: RunParts) -> Self {
        let scope = Scope::current();
        Self(Arc::new(Inner { run, scope, spent: Mutex::default(), ended: AtomicBool::new(false) }))
    }

    /// What the run calls with.
    pub(crate) fn run(&self) -> &RunParts {
        &self.0.run
    }

    /// Takes a call as far as to its permit: validated, authorised, recorded.
    pub(crate) async fn admit(&self, call: ToolCall) -> Result<Permit, Unmade> {
        self.0.admit(call).await
    }
}

impl ToolHost for RunTools {
    fn namespace(&self) -> &Namespace {
        &self.0.run.snapshot.namespace
    }

    fn call(&self, call: ToolCall) -> BoxFuture<'static, ToolOutcome> {
        let this = self.clone();
        let scope = self.0.scope.clone();
        Box::pin(scope.over(async move { this.0.make(call).await }))
    }

    fn script_ended(&self) {
        self.0.ended.store(true, Ordering::SeqCst);
    }
}

/// A call that is not made.
pub(crate) enum Unmade {
    /// The script is told.
    Refused(CallError),
    /// Somebody has to be asked; the script is not told.
    Held(Box<HeldCall>),
}

impl Unmade {
    fn code(&self) -> &'static str {
        match self {
            Self::Refused(error) => error.code(),
            Self::Held(_) => "awaiting-approval",
        }
    }
}

impl From<CallError> for Unmade {
    fn from(error: CallError) -> Self {
        Self::Refused(error)
    }
}

impl Inner {
    async fn make(self: &Arc<Self>, call: ToolCall) -> ToolOutcome {
        let (id, begun) = (call.id, Instant::now());
        let server = self.run.snapshot.namespace.server(&call.name.server).map(|server| server.name.clone());
        let outcome = self.decide_and_dispatch(id, call).await;
        // A server that does not exist is only a word of the script's.
        if let Some(server) = server {
            self.run.metrics.call_ended(
                &server,
                outcome.as_ref().map_or_else(CallError::code, |_| "ok"),
                begun.elapsed(),
            );
        }
        outcome
    }

    async fn decide_and_dispatch(self: &Arc<Self>, id: CallId, call: ToolCall) -> ToolOutcome {
        match self.admit(call).await {
            Ok(permit) => self.dispatch(id, permit).await,
            Err(Unmade::Refused(error)) => Err(error),
            Err(Unmade::Held(held)) => {
                // Nobody listens once the run is ending for another reason.
                let _ = self.run.held.send(*held);
                std::future::pending().await
            }
        }
    }

    /// Validates, authorises and records a call that is about to be made, or records why it is not.
    async fn admit(self: &Arc<Self>, call: ToolCall) -> Result<Permit, Unmade> {
        let (id, name) = (call.id, call.name.clone());
        let (this, tree_bytes) = (Arc::clone(self), call.arguments.extent().tree_bytes);
        let permitted = trees::over(tree_bytes, move || this.permit(call)).await;
        let admitted = permitted.and_then(|permit| Ok(self.record_intent(permit)?));
        if let Err(unmade) = &admitted {
            self.record_refusal(id, name, unmade.code());
        }
        admitted
    }

    fn permit(&self, mut call: ToolCall) -> Result<Permit, Unmade> {
        self.validate(&mut call)?;
        if self.ended.load(Ordering::SeqCst) {
            let denial = Denial { tool: call.name, reason: DenialReason::Ended };
            return Err(CallError::Denied(denial.to_string()).into());
        }
        let decided = self.run.authority.authorize(call, &self.run.grants, &self.spent);
        decided.map_err(|refusal| self.unmade(refusal))
    }

    fn unmade(&self, refusal: Refusal) -> Unmade {
        let run = &self.run.caller.run;
        match refusal {
            Refusal::Denied(denial) => {
                tracing::info!(run.id = %run, tool.name = %denial.tool, rule = denial.operator(), "call denied");
                Unmade::Refused(CallError::Denied(denial.to_string()))
            }
            Refusal::Held(held) => {
                tracing::info!(run.id = %run, tool.name = %held.name, "call held");
                Unmade::Held(held)
            }
        }
    }

    /// Checks that the tool exists for this run and that the arguments fit it. Arguments that are too large for a tree are not
    /// held against the schema: it helps the script's author and protects nobody, and the server judges too.
    fn validate(&self, call: &mut ToolCall) -> Result<(), CallError> {
        let tool = self.tool(&call.name)?;
        if call.arguments.extent().tree_bytes > MAX_TREE_BYTES {
            return Ok(());
        }
        let arguments = call.arguments.take_tree().map_err(|error| CallError::InvalidArguments(error.to_string()))?;
        tool.arguments.check(&arguments).map_err(CallError::InvalidArguments)
    }

    fn tool(&self, name: &ToolName) -> Result<&Tool, CallError> {
        let namespace = &self.run.snapshot.namespace;
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
    fn record_intent(&self, permit: Permit) -> Result<Permit, CallError> {
        let run = &self.run.caller.run;
        let entry = Entry::CallIntended { run: run.clone(), call: permit.call().clone() };
        match self.run.journal.append(entry) {
            Ok(()) => Ok(permit),
            Err(error) => {
                tracing::error!(run.id = %run, %error, "call stopped");
                Err(CallError::UpstreamUnavailable("the gateway cannot record calls at the moment".into()))
            }
        }
    }

    fn record_refusal(&self, id: CallId, name: ToolName, code: &str) {
        let run = self.run.caller.run.clone();
        note(self.run.journal.as_ref(), Entry::CallRefused { run, id, name, code: code.to_owned() });
    }

    async fn dispatch(&self, id: CallId, permit: Permit) -> ToolOutcome {
        let mut ended = Ended::of(&self.run, id);
        let outcome = self.run.snapshot.routes.call(permit, &self.run.caller, self.run.limits).await;
        ended.code = outcome.as_ref().map_or_else(CallError::code, |_| "ok");
        ended.value_bytes = outcome.as_ref().map_or(0, |value| value.size_bytes() as u64);
        outcome
    }
}

/// Records the end of a dispatched call when it goes, also when the call is dropped half-way.
pub(crate) struct Ended<'a> {
    run: &'a RunParts,
    id: CallId,
    pub(crate) code: &'static str,
    pub(crate) value_bytes: u64,
}

impl<'a> Ended<'a> {
    pub(crate) fn of(run: &'a RunParts, id: CallId) -> Self {
        Self { run, id, code: "cancelled", value_bytes: 0 }
    }
}

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        let (run, id, code) = (self.run.caller.run.clone(), self.id, self.code.to_owned());
        note(self.run.journal.as_ref(), Entry::CallEnded { run, id, code, value_bytes: self.value_bytes });
    }
}

/// Records what has happened already: nothing is left to stop.
fn note(journal: &dyn Journal, entry: Entry) {
    if let Err(error) = journal.append(entry) {
        tracing::error!(%error);
    }
}
