//! What a run tells its caller in Python while it runs, and the answers of async tools.

use std::sync::{Arc, Mutex, PoisonError};

use exuvia_tool::{CallError, CallRecord, Json, LogStream, RunEvent, ToolOutcome};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;

use crate::gil;

/// How many messages are handed over at a time.
const BATCH: usize = 256;

/// One thing that Python is told. Their number is bounded by the limits on calls and on the log.
pub(crate) enum Message {
    /// An event of the run.
    Event(RunEvent),
    /// An async tool is to be called: by its place in [`Tools`](crate::tools::Tools), with these arguments.
    Begin { call: u64, tool: usize, arguments: String, reply: Reply },
    /// The answer of this call is not wanted any more.
    Drop { call: u64 },
}

impl Message {
    /// A tuple that begins with the name of the case. None: nobody needs to know.
    fn into_py(self, py: Python<'_>) -> PyResult<Option<Bound<'_, PyTuple>>> {
        let tuple = match self {
            Self::Event(RunEvent::Log { stream, text }) => ("log", stream_name(stream), text).into_pyobject(py)?,
            Self::Event(RunEvent::CallStarted { id, name }) => {
                ("call", id.0, name.server, name.tool).into_pyobject(py)?
            }
            Self::Event(RunEvent::CallEnded(CallRecord { id, outcome, ms, .. })) => {
                ("ended", id.map(|id| id.0), outcome, ms).into_pyobject(py)?
            }
            Self::Event(_) => return Ok(None),
            Self::Begin { call, tool, arguments, reply } => {
                ("begin", call, tool, arguments, reply).into_pyobject(py)?
            }
            Self::Drop { call } => ("drop", call).into_pyobject(py)?,
        };
        Ok(Some(tuple))
    }
}

fn stream_name(stream: LogStream) -> &'static str {
    match stream {
        LogStream::Stdout => "stdout",
        LogStream::Stderr => "stderr",
    }
}

/// Hands messages to `sink`, in lists, until there can be no more. Needs a thread only while it does: runs that wait have none.
pub(crate) async fn deliver(mut messages: UnboundedReceiver<Message>, sink: Py<PyAny>) {
    let (sink, mut batch) = (Arc::new(sink), Vec::new());
    while messages.recv_many(&mut batch, BATCH).await > 0 {
        let (batch, sink) = (std::mem::take(&mut batch), Arc::clone(&sink));
        let handed = spawn_blocking(move || {
            gil::with_python(|py| {
                if let Err(error) = hand_over(py, &sink, batch) {
                    // The loop of the caller is closed, say: its run has been cancelled or will be.
                    error.write_unraisable(py, None);
                }
            });
        });
        // In order: the next list follows this one. What panicked there has said so.
        let _ = handed.await;
    }
}

/// Passes an exception that nobody waits for to `sys.unraisablehook`, with what raised it.
#[pyfunction]
pub(crate) fn unraisable(py: Python<'_>, error: Bound<'_, PyAny>, raised_by: &Bound<'_, PyAny>) {
    PyErr::from_value(error).write_unraisable(py, Some(raised_by));
}

fn hand_over(py: Python<'_>, sink: &Py<PyAny>, batch: Vec<Message>) -> PyResult<()> {
    let list = PyList::empty(py);
    for message in batch {
        if let Some(message) = message.into_py(py)? {
            list.append(message)?;
        }
    }
    sink.call1(py, (list,)).map(drop)
}

/// Where the answer of an async tool goes.
#[pyclass(frozen, module = "exuvia._native")]
pub(crate) struct Reply(Mutex<Option<oneshot::Sender<ToolOutcome>>>);

impl Reply {
    /// It, and where the answer arrives. An error there: the tool was given up without one.
    pub(crate) fn new() -> (Self, oneshot::Receiver<ToolOutcome>) {
        let (sender, receiver) = oneshot::channel();
        (Self(Mutex::new(Some(sender))), receiver)
    }
}

#[pymethods]
impl Reply {
    /// Answers, once: later answers are ignored.
    fn resolve(&self, answer: Answer) {
        let sender = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(sender) = sender {
            // Nobody waits for the answer of a call that was given up.
            let _ = sender.send(outcome(answer));
        }
    }
}

/// What a tool in Python answers: the name of the case, a text, and the data of a failure as JSON.
pub(crate) type Answer = (String, String, Option<String>);

/// The answer as an outcome. Its JSON was written by Python's own encoder, and is checked all the same.
pub(crate) fn outcome((case, text, data): Answer) -> ToolOutcome {
    let json = |text: String| {
        Json::parse(text).map_err(|error| CallError::UpstreamUnavailable(format!("the answer is no JSON: {error}")))
    };
    match case.as_str() {
        "ok" => json(text),
        "denied" => Err(CallError::Denied(text)),
        "invalid" => Err(CallError::InvalidArguments(text)),
        "unavailable" => Err(CallError::UpstreamUnavailable(text)),
        _ => Err(CallError::ToolFailed { message: text, data: data.map(json).transpose()? }),
    }
}
