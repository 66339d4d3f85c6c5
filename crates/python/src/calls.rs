//! Answers the calls of one run by callables of Python.

use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use exuvia_tool::{BoxFuture, CallError, Deadline, Namespace, ToolCall, ToolHost, ToolOutcome};
use pyo3::prelude::*;
use tokio::sync::mpsc::UnboundedSender;

use crate::budget::CallBudget;
use crate::gil;
use crate::messages::{Answer, Message, Reply, outcome};
use crate::tools::{Target, ToolSet};

/// The tools of one run.
pub(crate) struct PythonTools {
    pub(crate) tools: Arc<ToolSet>,
    /// Calls a plain tool: takes its place and the arguments as JSON, and returns an [`Answer`].
    pub(crate) invoke: Arc<Py<PyAny>>,
    /// Where calls of async tools go. None: there are none.
    pub(crate) messages: Option<UnboundedSender<Message>>,
    /// Counts the calls of a session. None: the engine does.
    pub(crate) budget: Option<Arc<CallBudget>>,
}

impl ToolHost for PythonTools {
    fn namespace(&self) -> &Namespace {
        &self.tools.namespace
    }

    fn call(&self, mut call: ToolCall, deadline: Deadline) -> BoxFuture<'static, ToolOutcome> {
        let target = self.tools.admit(&mut call);
        // Calls that are refused count as well.
        let is_step = target.as_ref().is_ok_and(|target| target.is_held);
        if self.budget.as_ref().is_some_and(|budget| !is_step && !budget.count()) {
            // The run is stopped.
            return Box::pin(std::future::pending());
        }
        let target = match target {
            Ok(target) => target,
            Err(error) => return Box::pin(async move { Err(error) }),
        };
        let (id, arguments) = (call.id.0, call.arguments.into_json().into_string());
        // Here and not in the future: this is called in the order of the script.
        let answer = match &self.messages {
            Some(messages) if target.is_async => begin(messages, id, target, arguments),
            _ => self.invoke(target, arguments),
        };
        Box::pin(async move {
            if target.is_held {
                deadline.hold(Instant::now());
            }
            let answer = within(&deadline, answer).await;
            // False: the run is parked, which nobody does here.
            let _ = deadline.release(Instant::now());
            answer?
        })
    }

    fn search(&self, query: String) -> BoxFuture<'static, String> {
        let tools = Arc::clone(&self.tools);
        // The first search reads all descriptions.
        Box::pin(async move { tokio::task::spawn_blocking(move || tools.search(&query)).await.unwrap_or_default() })
    }
}

impl PythonTools {
    /// Calls a plain tool, on a thread on which it may block. A call that is given up cannot be stopped: its answer is ignored.
    fn invoke(&self, target: Target, arguments: String) -> BoxFuture<'static, ToolOutcome> {
        let invoke = Arc::clone(&self.invoke);
        let answer = tokio::task::spawn_blocking(move || {
            gil::with_python(|py| {
                let answer =
                    invoke.call1(py, (target.place, arguments)).and_then(|answer| answer.extract::<Answer>(py));
                answer.unwrap_or_else(|error| {
                    error.write_unraisable(py, None);
                    ("unavailable".into(), "the tool could not be called".into(), None)
                })
            })
        });
        Box::pin(async move {
            match answer.await {
                Ok(Some(answer)) => outcome(answer),
                Ok(None) | Err(_) => Err(ending()),
            }
        })
    }
}

/// Starts a call of an async tool.
fn begin(
    messages: &UnboundedSender<Message>,
    call: u64,
    target: Target,
    arguments: String,
) -> BoxFuture<'static, ToolOutcome> {
    let (reply, answer) = Reply::new();
    let sent = messages.send(Message::Begin { call, tool: target.place, arguments, reply });
    let given_up = GivenUp(Some((messages.clone(), call)));
    Box::pin(async move {
        let mut given_up = given_up;
        if sent.is_err() {
            return Err(ending());
        }
        let answer = answer.await;
        given_up.0 = None;
        answer.unwrap_or_else(|_| Err(CallError::UpstreamUnavailable("the tool was cancelled".into())))
    })
}

/// A call that nobody waits for any more is cancelled, if it has no answer.
struct GivenUp(Option<(UnboundedSender<Message>, u64)>);

impl Drop for GivenUp {
    fn drop(&mut self) {
        if let Some((messages, call)) = self.0.take() {
            // Where nobody takes messages any more, nothing runs that could be cancelled.
            let _ = messages.send(Message::Drop { call });
        }
    }
}

/// The answer, if it is there before the deadline.
async fn within<T>(deadline: &Deadline, answer: impl Future<Output = T>) -> Result<T, CallError> {
    let mut answer = pin!(answer);
    loop {
        let check_at = deadline.check_at(Instant::now());
        tokio::select! {
            answer = &mut answer => return Ok(answer),
            () = tokio::time::sleep_until(check_at.into()) => {
                if Instant::now() >= deadline.at() {
                    return Err(deadline.missed());
                }
            }
        }
    }
}

fn ending() -> CallError {
    CallError::UpstreamUnavailable("the program that has the tools is ending".into())
}
