//! One run of a sandbox.

use std::any::Any;
use std::future::IntoFuture;
use std::sync::Arc;

use exuvia_runtime::{EventSink, Limits, Report, Run, Script};
use exuvia_tool::{BoxFuture, LogStream, RunEvent, RunIo};
use tokio_util::sync::CancellationToken;

use crate::Sandbox;
use crate::call::Data;
use crate::tools::RunTools;

/// A run that starts when it is awaited, and gives its [`Report`].
///
/// Dropping the future ends script and calls at once, without a report. Must be awaited on a tokio runtime with timers.
#[must_use = "nothing happens before it is awaited"]
pub struct SandboxRun {
    sandbox: Sandbox,
    script: Script,
    limits: Limits,
    data: Data,
    sinks: Vec<EventSink>,
    cancellation: Option<CancellationToken>,
    io: Option<Box<dyn RunIo>>,
}

impl SandboxRun {
    pub(crate) fn new(sandbox: &Sandbox, script: Script) -> Self {
        Self {
            sandbox: sandbox.clone(),
            script,
            limits: sandbox.limits.clone(),
            data: None,
            sinks: Vec::new(),
            cancellation: None,
            io: None,
        }
    }

    /// Runs under these limits instead of the sandbox's.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Carries `data` for its tools, who find it in their [`Call`](crate::Call): on whose behalf the script runs, for example.
    pub fn data<T: Any + Send + Sync>(mut self, data: T) -> Self {
        self.data = Some(Arc::new(data));
        self
    }

    /// Calls `log` with what the script prints, as it prints it, within `log_bytes`. It must return quickly and never block.
    pub fn on_log(self, log: impl Fn(LogStream, &str) + Send + Sync + 'static) -> Self {
        self.on_event(move |event| {
            if let RunEvent::Log { stream, text } = event {
                log(*stream, text);
            }
        })
    }

    /// Calls `sink` with what happens: printed text, calls that begin and end. It must return quickly and never block.
    pub fn on_event(mut self, sink: impl Fn(&RunEvent) + Send + Sync + 'static) -> Self {
        self.sinks.push(Arc::new(move |event| sink(&event)));
        self
    }

    /// Ends the run as cancelled, with a report, when `cancellation` is cancelled.
    pub fn cancel_on(mut self, cancellation: CancellationToken) -> Self {
        self.cancellation = Some(cancellation);
        self
    }

    /// Takes time and randomness from `io` instead of from the machine.
    pub fn io(mut self, io: Box<dyn RunIo>) -> Self {
        self.io = Some(io);
        self
    }

    /// The same as a run of `exuvia-runtime`.
    pub fn into_run(self) -> Run {
        let Self { sandbox, script, limits, data, sinks, cancellation, io } = self;
        let tools = RunTools::new(Arc::clone(&sandbox.tools), data);
        let mut run = sandbox.engine.run(script, limits, Arc::new(tools));
        if !sinks.is_empty() {
            run = run.with_events(joined(sinks));
        }
        if let Some(cancellation) = cancellation {
            run = run.with_cancellation(cancellation);
        }
        if let Some(io) = io {
            run = run.with_io(io);
        }
        run
    }
}

impl IntoFuture for SandboxRun {
    type Output = Report;
    type IntoFuture = BoxFuture<'static, Report>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.into_run().execute())
    }
}

fn joined(mut sinks: Vec<EventSink>) -> EventSink {
    match sinks.len() {
        1 => sinks.remove(0),
        _ => Arc::new(move |event| sinks.iter().for_each(|sink| sink(event.clone()))),
    }
}
