//! The imports `tools` and `output`: translation between the WIT interface and [`Calls`](crate::calls::Calls).

use std::time::Duration;

use exuvia_tool::{CallError, CallId, LogStream, Parameter, Tool, ToolName};
use wasmtime::Result;
use wasmtime::component::Resource;

use crate::bindings::exuvia::sandbox::{output, tools, types};
use crate::calls::{PendingCall, already_taken};
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
        Ok(server.and_then(|server| server.find(&tool)).map(describe))
    }

    async fn search(&mut self, query: String) -> Result<String> {
        Ok(match self.searches.checked_sub(1) {
            None => format!("no more than {MAX_SEARCHES} searches in one script"),
            Some(left) => {
                self.searches = left;
                self.calls.tools.search(query).await
            }
        })
    }

    async fn call(
        &mut self,
        server: String,
        tool: String,
        arguments: String,
    ) -> Result<Result<String, tools::CallError>> {
        let (_, call) = self.calls.make(ToolName::new(server, tool), arguments)?;
        Ok(call.await.map(exuvia_tool::Json::into_string).map_err(Into::into))
    }

    fn start(&mut self, server: String, tool: String, arguments: String) -> Result<Resource<PendingCall>> {
        let call = self.calls.start(ToolName::new(server, tool), arguments)?;
        Ok(self.table.push(call)?)
    }

    fn script_ended(&mut self) -> Result<()> {
        self.calls.tools.script_ended();
        Ok(())
    }

    async fn wait(&mut self, timeout_ns: Option<u64>) -> Result<Vec<u64>> {
        let deadline = timeout_ns.map(|ns| self.io.monotonic_clock().saturating_add(Duration::from_nanos(ns)));
        let reported = self.wait_until(deadline, timeout_ns == Some(0)).await;
        Ok(reported.into_iter().map(|id| id.0).collect())
    }
}

impl tools::HostPendingCall for Sandbox {
    fn id(&mut self, pending: Resource<PendingCall>) -> Result<u64> {
        Ok(self.table.get(&pending)?.id.0)
    }

    async fn take(&mut self, pending: Resource<PendingCall>) -> Result<Result<String, tools::CallError>> {
        let pending = self.table.get_mut(&pending)?;
        let (id, answer) = (pending.id, pending.answer.take());
        let outcome = match answer {
            // A sender that is gone without an answer belonged to a task that was aborted with its call.
            Some(answer) => {
                answer.await.map_or_else(|_| Err(already_taken()), crate::calls::CompletedCall::into_outcome)
            }
            None => Err(already_taken()),
        };
        self.calls.forget(id);
        Ok(outcome.map(exuvia_tool::Json::into_string).map_err(Into::into))
    }

    fn drop(&mut self, pending: Resource<PendingCall>) -> Result<()> {
        let pending = self.table.delete(pending)?;
        self.calls.forget(pending.id);
        Ok(())
    }
}

impl Sandbox {
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
            // `CallError` may grow; the contract may not. What it has no case for is said in words.
            other => Self::UpstreamUnavailable(other.to_string()),
        }
    }
}
