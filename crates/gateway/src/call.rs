//! The way of every tool call: validate, authorise, record, dispatch.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use exuvia_journal::{Entry, Journal};
use exuvia_policy::{Denial, DenialReason, Grants, Permit, Refusal, Spent};
use exuvia_runtime::Limits;
use exuvia_tool::{BoxFuture, CallError, CallId, HeldCall, Namespace, Tool, ToolCall, ToolHost, ToolName, ToolOutcome};
use exuvia_upstream::{CallLimits, Caller};
use tokio::sync::mpsc;

use crate::authority::Authority;
use crate::metrics::Metrics;
use crate::settings::Snapshot;
use crate::unknown::unknown;

/// Answers the calls of one run, with the grants of that run. Clones are the same run.
#[derive(Clone)]
pub(crate) struct RunTools(Arc<Inner>);

struct Inner {
    run: RunParts,
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
        Self(Arc::new(Inner { run, spent: Mutex::default(), ended: AtomicBool::new(false) }))
    }
}

impl ToolHost for RunTools {
    fn namespace(&self) -> &Namespace {
        &self.0.run.snapshot.namespace
    }

    fn call(&self, call: ToolCall) -> BoxFuture<'static, ToolOutcome> {
        let this = self.clone();
        Box::pin(async move { this.0.make(call).await })
    }

    fn script_ended(&self) {
        self.0.ended.store(true, Ordering::SeqCst);
    }
}

/// A call that is not made.
enum Unmade {
    /// The script is told.
    Refused(CallError),
    /// Somebody has to be asked; the script is not told.
    Held(Box<HeldCall>),
}

impl From<CallError> for Unmade {
    fn from(error: CallError) -> Self {
        Self::Refused(error)
    }
}

impl Inner {
    async fn make(&self, call: ToolCall) -> ToolOutcome {
        let (id, name, begun) = (call.id, call.name.clone(), Instant::now());
        let server = self.run.snapshot.namespace.server(&name.server).map(|server| server.name.clone());
        let outcome = self.decide_and_dispatch(id, name, call).await;
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

    async fn decide_and_dispatch(&self, id: CallId, name: ToolName, call: ToolCall) -> ToolOutcome {
        match self.permit(call).and_then(|permit| Ok(self.record_intent(permit)?)) {
            Ok(permit) => self.dispatch(id, permit).await,
            Err(Unmade::Refused(error)) => {
                self.record_refusal(id, name, error.code());
                Err(error)
            }
            Err(Unmade::Held(held)) => {
                self.record_refusal(id, name, "awaiting-approval");
                // Nobody listens once the run is ending for another reason.
                let _ = self.run.held.send(*held);
                std::future::pending().await
            }
        }
    }

    fn permit(&self, call: ToolCall) -> Result<Permit, Unmade> {
        self.validate(&call)?;
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

    /// Checks that the tool exists for this run and that the arguments fit it.
    fn validate(&self, call: &ToolCall) -> Result<(), CallError> {
        let tool = self.tool(call)?;
        let arguments = call.arguments.to_value().map_err(|error| CallError::InvalidArguments(error.to_string()))?;
        tool.arguments.check(&arguments).map_err(CallError::InvalidArguments)
    }

    fn tool(&self, call: &ToolCall) -> Result<&Tool, CallError> {
        let namespace = &self.run.snapshot.namespace;
        let ToolName { server: server_name, tool: tool_name } = &call.name;
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
        let mut ended = Ended { run: &self.run, id, code: "cancelled", value_bytes: 0 };
        let outcome = self.run.snapshot.routes.call(permit, &self.run.caller, self.run.limits).await;
        ended.code = outcome.as_ref().map_or_else(CallError::code, |_| "ok");
        ended.value_bytes = outcome.as_ref().map_or(0, |value| value.size_bytes() as u64);
        outcome
    }
}

/// Records the end of a dispatched call when it goes, also when the call is dropped half-way.
struct Ended<'a> {
    run: &'a RunParts,
    id: CallId,
    code: &'static str,
    value_bytes: u64,
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
