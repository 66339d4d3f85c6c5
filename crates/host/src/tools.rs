//! The imports `tools` and `output`: translation between the WIT interface and [`Calls`](crate::calls::Calls).

use std::collections::BTreeSet;
use std::future::pending;
use std::time::Duration;

use exuvia_tool::{CallError, CallId, LogStream, NextWait, Parameter, Tool, ToolName, ToolOutcome};
use wasmtime::Result;
use wasmtime::component::Resource;

use crate::bindings::exuvia::sandbox::{output, tools, types};
use crate::calls::{Answer, CallRequest, PendingCall, already_taken};
use crate::sandbox::{MAX_SEARCHES, Sandbox};

impl types::Host for Sandbox {}

impl output::Host for Sandbox {
    fn write(&mut self, to: output::StreamName, text: String) -> Result<()> {
        let stream = match to {
            output::StreamName::Stdout => LogStream::Stdout,
            output::StreamName::Stderr => LogStream::Stderr,
        };
        self.log.append(stream, &text);
        Ok(())
    }
}

impl tools::Host for Sandbox {
    fn servers(&mut self) -> Result<Vec<tools::Server>> {
        let servers = self.calls.tools.namespace().servers();
        Ok(servers
            .iter()
            .map(|server| tools::Server { python_name: server.python_name.clone(), name: server.name.clone() })
            .collect())
    }

    fn list_tools(&mut self, server: String) -> Result<Vec<String>> {
        let server = self.calls.tools.namespace().server(&server);
        Ok(server
            .map(|server| server.tools().iter().map(|tool| tool.python_name.clone()).collect())
            .unwrap_or_default())
    }

    fn describe(&mut self, server: String, tool: String) -> Result<Option<tools::Tool>> {
        let server = self.calls.tools.namespace().server(&server);
        // A withheld tool can be named, and every call of it says that it is withheld.
        let found = server.and_then(|server| {
            server.find(&tool).or_else(|| server.find_withheld(&tool).map(|withheld| &withheld.tool))
        });
        Ok(found.map(describe))
    }

    async fn search(&mut self, query: String) -> Result<String> {
        let Some(left) = self.searches.checked_sub(1) else {
            return Ok(format!("no more than {MAX_SEARCHES} searches in one script"));
        };
        self.searches = left;
        let found = self.calls.tools.search(query).await;
        self.io.found(&found);
        Ok(found)
    }

    async fn call(
        &mut self,
        server: String,
        tool: String,
        arguments: String,
        line: u32,
    ) -> Result<Result<String, tools::CallError>> {
        let request = CallRequest::new(ToolName::new(server, tool), arguments, line);
        let made = self.calls.make(&mut *self.io, request)?;
        self.io.blocked_on(made.id);
        let waiting = self.calls.waiting();
        let answer = made.answer.await;
        drop(waiting);
        Ok(told(self.outcome(made.id, answer)))
    }

    fn start(&mut self, server: String, tool: String, arguments: String, line: u32) -> Result<Resource<PendingCall>> {
        let request = CallRequest::new(ToolName::new(server, tool), arguments, line);
        let call = self.calls.start(&mut *self.io, request)?;
        Ok(self.table.push(call)?)
    }

    fn script_ended(&mut self) -> Result<()> {
        self.calls.tools.script_ended();
        Ok(())
    }

    async fn wait(&mut self, timeout_ns: Option<u64>) -> Result<Vec<u64>> {
        let deadline = timeout_ns.map(|ns| self.io.monotonic_clock().saturating_add(Duration::from_nanos(ns)));
        let next = self.io.next_wait(&mut self.calls.unreported());
        let waiting = self.calls.waiting();
        let reported = match next {
            NextWait::Live => self.wait_until(deadline, timeout_ns == Some(0)).await,
            NextWait::Recorded(calls) => self.wait_for(calls).await,
            NextWait::Never => pending().await,
        };
        drop(waiting);
        self.io.waited(&reported);
        Ok(reported.into_iter().map(|id| id.0).collect())
    }
}

impl tools::HostPendingCall for Sandbox {
    fn id(&mut self, pending: Resource<PendingCall>) -> Result<u64> {
        Ok(self.table.get(&pending)?.id.0)
    }

    async fn take(&mut self, resource: Resource<PendingCall>) -> Result<Result<String, tools::CallError>> {
        let pending = self.table.get_mut(&resource)?;
        if !self.calls.is_own(pending) {
            return Ok(told(Err(already_taken())));
        }
        let (id, answer) = (pending.id, pending.answer.take());
        let answer = match answer {
            Some(answer) => {
                self.io.blocked_on(id);
                let _waiting = self.calls.waiting();
                // A sender that is gone without an answer belonged to a task that was aborted with its call.
                answer.await.map_or_else(|_| Err(already_taken().into()), crate::calls::CompletedCall::into_answer)
            }
            None => Err(already_taken().into()),
        };
        // A guest may keep what it has taken: nothing is left to abort.
        self.table.get_mut(&resource)?.task = None;
        self.calls.forget(id);
        Ok(told(self.outcome(id, answer)))
    }

    fn drop(&mut self, pending: Resource<PendingCall>) -> Result<()> {
        let pending = self.table.delete(pending)?;
        if self.calls.is_own(&pending) {
            self.calls.forget(pending.id);
        }
        Ok(())
    }
}

impl Sandbox {
    /// What the script is given of an answer.
    fn outcome(&mut self, id: CallId, answer: Answer) -> ToolOutcome {
        answer.map_err(|failure| {
            if failure.is_by_host {
                self.io.host_failed(id, &failure.error);
            }
            failure.error
        })
    }

    /// Waits until all of these calls have their answers, however long that takes.
    async fn wait_for(&mut self, calls: Vec<CallId>) -> Vec<CallId> {
        let (mut missing, mut others) = (calls.iter().copied().collect::<BTreeSet<_>>(), Vec::new());
        while !missing.is_empty() {
            // Both ends live in `self`: the channel is open.
            let Some(id) = self.calls.answered.recv().await else { return pending().await };
            if !missing.remove(&id) {
                others.push(id);
            }
        }
        self.report(others, calls)
    }

    /// The ids of the calls to report now: see `wait` in the contract.
    async fn wait_until(&mut self, deadline: Option<Duration>, never_block: bool) -> Vec<CallId> {
        let mut answered = Vec::new();
        let mut sleep = deadline.map(|deadline| self.io.sleep_until(deadline));
        if never_block {
            // Lets calls that are ready come through: a script that polls must not starve them.
            tokio::task::yield_now().await;
        }
        loop {
            while let Ok(id) = self.calls.answered.try_recv() {
                answered.push(id);
            }
            answered.retain(|&id| self.calls.is_unreported(id));
            let now = if answered.is_empty() { Vec::new() } else { self.io.deliver(answered.clone()) };
            if !now.is_empty() || never_block || (sleep.is_none() && self.calls.nothing_outstanding()) {
                return self.report(answered, now);
            }
            tokio::select! {
                biased;
                id = self.calls.answered.recv() => answered.extend(id),
                () = async { sleep.as_mut().map_or(&mut (Box::pin(std::future::pending()) as _), |s| s).await } => {
                    return self.report(answered, Vec::new());
                }
            }
        }
    }

    /// Takes what is delivered `now` off the books, and puts what was held back in line again.
    fn report(&mut self, answered: Vec<CallId>, now: Vec<CallId>) -> Vec<CallId> {
        for &id in &now {
            self.calls.forget(id);
        }
        for id in answered.into_iter().filter(|&id| self.calls.is_unreported(id)) {
            self.calls.put_back(id);
        }
        now
    }
}

/// An outcome as it is reported to the guest.
fn told(outcome: ToolOutcome) -> std::result::Result<String, tools::CallError> {
    outcome.map(exuvia_tool::Json::into_string).map_err(Into::into)
}

fn describe(tool: &Tool) -> tools::Tool {
    tools::Tool {
        python_name: tool.python_name.clone(),
        name: tool.name().to_owned(),
        signature: tool.signature.to_string(),
        documentation: tool.documentation.to_string(),
        parameters: tool.parameters.iter().map(parameter).collect(),
        accepts_other_keywords: tool.accepts_other_keywords,
    }
}

fn parameter(parameter: &Parameter) -> tools::Parameter {
    tools::Parameter {
        python_name: parameter.python_name.clone(),
        name: parameter.name.clone(),
        required: parameter.required,
    }
}

impl From<CallError> for tools::CallError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::UnknownTool(message) => Self::UnknownTool(message),
            CallError::InvalidArguments(message) => Self::InvalidArguments(message),
            CallError::Denied(message) => Self::Denied(message),
            CallError::TimedOut(ms) => Self::TimedOut(ms),
            CallError::ToolFailed { message, data } => {
                Self::ToolFailed(tools::ToolFailure { message, data: data.map(exuvia_tool::Json::into_string) })
            }
            CallError::UpstreamUnavailable(message) => Self::UpstreamUnavailable(message),
            CallError::LimitReached { limit, allowed, used } => {
                Self::LimitReached(tools::LimitReached { limit, allowed, used })
            }
            // There is nothing to wait for that a script could wait for.
            CallError::Exhausted(_) => Self::Denied(error.to_string()),
            // `CallError` may grow; the contract may not. What it has no case for is said in words.
            other => Self::UpstreamUnavailable(other.to_string()),
        }
    }
}
