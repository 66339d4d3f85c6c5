//! The way of every tool call: validate, authorise, record, dispatch.

use std::sync::Arc;
use std::time::Duration;

use exuvia_journal::{Entry, Journal};
use exuvia_policy::{Denial, Grants, Permit, authorize};
use exuvia_runtime::Limits;
use exuvia_tool::{BoxFuture, CallError, CallId, Namespace, RunId, Tool, ToolCall, ToolHost, ToolName, ToolOutcome};
use exuvia_upstream::{CallLimits, Caller, Upstreams};

use crate::unknown::unknown;

/// Answers the calls of one run, with the grants of that run.
pub(crate) struct RunTools {
    pub(crate) caller: Caller,
    pub(crate) namespace: Arc<Namespace>,
    pub(crate) grants: Grants,
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) upstreams: Arc<Upstreams>,
    pub(crate) limits: CallLimits,
}

/// The part of a run's limits that holds for one call.
pub(crate) fn call_limits(limits: &Limits) -> CallLimits {
    CallLimits { timeout: Duration::from_millis(limits.call_timeout_ms), result_bytes: limits.call_result_bytes as u64 }
}

impl ToolHost for RunTools {
    fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    fn call(&self, call: ToolCall) -> BoxFuture<'static, ToolOutcome> {
        let (id, name) = (call.id, call.name.clone());
        let permit = self.permit(call).and_then(|permit| self.record_intent(permit));
        let (journal, run) = (Arc::clone(&self.journal), self.caller.run.clone());
        match permit {
            Ok(permit) => {
                let answer = self.upstreams.call(permit, &self.caller, self.limits);
                Box::pin(async move {
                    let mut ended = Ended { journal, run, id, code: "cancelled", value_bytes: 0 };
                    let outcome = answer.await;
                    ended.code = outcome.as_ref().map_or_else(CallError::code, |_| "ok");
                    ended.value_bytes = outcome.as_ref().map_or(0, |value| value.size_bytes() as u64);
                    outcome
                })
            }
            Err(error) => {
                note(journal.as_ref(), Entry::CallRefused { run, id, name, code: error.code().to_owned() });
                Box::pin(std::future::ready(Err(error)))
            }
        }
    }
}

impl RunTools {
    fn permit(&self, call: ToolCall) -> Result<Permit, CallError> {
        self.validate(&call)?;
        authorize(call, &self.grants).map_err(|denial| CallError::Denied(told_to_script(&denial)))
    }

    /// Checks that the tool exists for this run and that the arguments fit it.
    fn validate(&self, call: &ToolCall) -> Result<(), CallError> {
        let tool = self.tool(call)?;
        let arguments = call.arguments.to_value().map_err(|error| CallError::InvalidArguments(error.to_string()))?;
        tool.arguments.check(&arguments).map_err(CallError::InvalidArguments)
    }

    fn tool(&self, call: &ToolCall) -> Result<&Tool, CallError> {
        let servers = self.namespace.servers();
        let ToolName { server: server_name, tool: tool_name } = &call.name;
        let server = self.namespace.server(server_name).ok_or_else(|| {
            let names = servers.iter().map(|server| server.python_name.as_str());
            CallError::UnknownTool(unknown("server", server_name, names))
        })?;
        server.tool(tool_name).ok_or_else(|| {
            let names = server.tools().iter().map(|tool| tool.python_name.as_str());
            CallError::UnknownTool(unknown(&format!("tool of {}", server.python_name), tool_name, names))
        })
    }

    /// What is not recorded is not done.
    fn record_intent(&self, permit: Permit) -> Result<Permit, CallError> {
        let entry = Entry::CallIntended { run: self.caller.run.clone(), call: permit.call().clone() };
        match self.journal.append(entry) {
            Ok(()) => Ok(permit),
            Err(error) => {
                tracing::error!(run.id = %self.caller.run, %error, "call stopped");
                Err(CallError::UpstreamUnavailable("the gateway cannot record calls at the moment".into()))
            }
        }
    }
}

/// Records the end of a dispatched call when it goes, also when the call is dropped half-way.
struct Ended {
    journal: Arc<dyn Journal>,
    run: RunId,
    id: CallId,
    code: &'static str,
    value_bytes: u64,
}

impl Drop for Ended {
    fn drop(&mut self) {
        let (run, id, code) = (self.run.clone(), self.id, self.code.to_owned());
        note(self.journal.as_ref(), Entry::CallEnded { run, id, code, value_bytes: self.value_bytes });
    }
}

/// Records what has happened already: nothing is left to stop.
fn note(journal: &dyn Journal, entry: Entry) {
    if let Err(error) = journal.append(entry) {
        tracing::error!(%error);
    }
}

fn told_to_script(denial: &Denial) -> String {
    format!("{denial}: go on without it, or leave it to the user")
}
