//! One run, from Python's side.

use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use exuvia_runtime::{EventSink, Report, Run as RuntimeRun, Script};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use tokio::sync::mpsc::unbounded_channel;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::budget::CallBudget;
use crate::calls::PythonTools;
use crate::messages::{Message, deliver};
use crate::process::Process;
use crate::tools::Tools;
use crate::{gil, limits, report};

/// How often somebody who waits looks for signals: Ctrl-C.
const SIGNALS: Duration = Duration::from_millis(50);

/// A run that has begun.
#[pyclass(frozen, module = "exuvia._native")]
pub(crate) struct Run {
    process: &'static Process,
    cancellation: CancellationToken,
    /// What `wait` takes. Nothing comes where `ended` is told.
    report: Mutex<mpsc::Receiver<Report>>,
}

/// Begins a run of `code`.
///
/// `invoke` calls plain tools, on threads of the engine. `sink` is called with lists of messages: calls of async tools, and events where
/// `events` is true. `ended` is called with the report, after the last message; where it is None, `Run.wait` gives the report.
#[pyfunction]
#[pyo3(signature = (code, limits, tools, invoke, *, sink=None, events=false, ended=None))]
#[expect(clippy::too_many_arguments, reason = "keywords, of one caller")]
pub(crate) fn start(
    py: Python<'_>,
    code: String,
    limits: &Bound<'_, PyDict>,
    tools: &Tools,
    invoke: Py<PyAny>,
    sink: Option<Py<PyAny>>,
    events: bool,
    ended: Option<Py<PyAny>>,
) -> PyResult<Run> {
    let (process, mut limits) = (Process::current(py)?, limits::from_dict(limits)?);
    let tools = Arc::clone(&tools.0);
    let is_told = sink.is_some() && (events || tools.has_async());
    let (messages, received) = unbounded_channel();
    let messages = is_told.then_some(messages);
    let cancellation = CancellationToken::new();
    let budget = tools.has_held().then(|| Arc::new(CallBudget::take_over(&mut limits, cancellation.clone())));
    let host = PythonTools { tools, invoke: Arc::new(invoke), messages: messages.clone(), budget: budget.clone() };
    let mut run = process.engine.run(Script::new(code), limits, Arc::new(host)).with_cancellation(cancellation.clone());
    if let Some(messages) = messages.filter(|_| events) {
        let events: EventSink = Arc::new(move |event| _ = messages.send(Message::Event(event)));
        run = run.with_events(events);
    }
    let runtime = process.runtime.handle();
    let told = sink.filter(|_| is_told).map(|sink| runtime.spawn(deliver(received, sink)));
    let (sender, report) = mpsc::channel();
    runtime.spawn(execute(run, budget, told, ended, sender));
    Ok(Run { process, cancellation, report: Mutex::new(report) })
}

async fn execute(
    run: RuntimeRun,
    budget: Option<Arc<CallBudget>>,
    told: Option<JoinHandle<()>>,
    ended: Option<Py<PyAny>>,
    sender: mpsc::Sender<Report>,
) {
    let mut report = run.execute().await;
    if let Some(budget) = budget {
        report = budget.amend(report);
    }
    // All senders of messages went with the run, but for calls that are still given up.
    if let Some(told) = told {
        let _ = told.await;
    }
    let Some(ended) = ended else {
        // Nobody waits if the handle is gone.
        let _ = sender.send(report);
        return;
    };
    let _ = tokio::task::spawn_blocking(move || {
        gil::with_python(|py| {
            let told = report::to_dict(py, report).and_then(|report| ended.call1(py, (report,)));
            if let Err(error) = told {
                // The loop of the caller is closed.
                error.write_unraisable(py, None);
            }
            drop(ended);
        })
    })
    .await;
}

#[pymethods]
impl Run {
    /// Stops the run. Its report says `cancelled`, unless it was over.
    fn cancel(&self) {
        if self.process.is_current() {
            self.cancellation.cancel();
        }
    }

    /// Waits for the report, without the global interpreter lock.
    fn wait<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        loop {
            if !self.process.is_current() {
                return Err(PyRuntimeError::new_err("this run belongs to the process that started it"));
            }
            let (received, inside) = py.detach(|| {
                let report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
                let received = report.recv_timeout(SIGNALS);
                drop(report);
                (received, gil::before_return())
            });
            drop(inside);
            match received {
                Ok(done) => return report::to_dict(py, done),
                Err(mpsc::RecvTimeoutError::Timeout) => py.check_signals()?,
                Err(mpsc::RecvTimeoutError::Disconnected) => {
                    return Err(PyRuntimeError::new_err("the report of this run has been taken"));
                }
            }
        }
    }
}
