//! The gateway: what is the same for all runs of a process, and how one of them starts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{fmt, io};

use exuvia_catalog::files::Layouts;
use exuvia_journal::{Entry, Journal};
use exuvia_policy::Grants;
use exuvia_runtime::{Engine, Limits, Report, Script};
use exuvia_tool::{Namespace, RunEvent, RunId};
use exuvia_upstream::{Caller, Upstreams};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::Instrument as _;

use crate::call::{RunTools, call_limits};
use crate::run_runtime::RunRuntime;

/// What a gateway works with.
pub struct GatewayConfig {
    /// Runs the scripts.
    pub engine: Engine,
    /// The servers behind the gateway.
    pub upstreams: Arc<Upstreams>,
    /// Where runs and calls are recorded.
    pub journal: Arc<dyn Journal>,
    /// How the stubs of each server are cut into files.
    pub layouts: Layouts,
    /// The limits of every run.
    pub limits: Limits,
    /// The most that a model is shown of one answer, in bytes. What goes over it is cut, with a mark.
    pub answer_bytes: usize,
}

/// Starts runs and answers their calls.
pub struct Gateway {
    namespace: Arc<Namespace>,
    layouts: Layouts,
    answer_bytes: usize,
    engine: Engine,
    upstreams: Arc<Upstreams>,
    journal: Arc<dyn Journal>,
    limits: Limits,
    threads: RunRuntime,
    runs: AtomicU64,
}

/// A run on its way. Dropping it cancels the run.
pub struct RunHandle {
    /// What happens in the run, in order. Ends when the run does.
    pub events: mpsc::UnboundedReceiver<RunEvent>,
    run: RunId,
    report: JoinHandle<Report>,
    cancellation: CancellationToken,
    _cancel_when_dropped: DropGuard,
}

impl fmt::Debug for RunHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RunHandle({})", self.run)
    }
}

impl Gateway {
    /// A gateway over servers that have been started. What they listed is what scripts see.
    ///
    /// # Errors
    ///
    /// The threads for runs cannot be started.
    pub fn new(config: GatewayConfig) -> io::Result<Self> {
        let servers = config.upstreams.servers();
        let ready = servers.iter().filter(|server| matches!(server.state, exuvia_upstream::ServerState::Ready { .. }));
        let namespace =
            exuvia_catalog::build(ready.map(|server| (server.name.clone(), server.tools.to_vec())).collect());
        Ok(Self {
            namespace: Arc::new(namespace),
            layouts: config.layouts,
            answer_bytes: config.answer_bytes,
            engine: config.engine,
            upstreams: config.upstreams,
            journal: config.journal,
            limits: config.limits,
            threads: RunRuntime::new()?,
            runs: AtomicU64::new(0),
        })
    }

    /// The servers and tools that scripts see.
    #[must_use]
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// How the stubs of each server are cut into files.
    #[must_use]
    pub fn layouts(&self) -> &Layouts {
        &self.layouts
    }

    /// The most that a model is shown of one answer, in bytes.
    #[must_use]
    pub fn answer_bytes(&self) -> usize {
        self.answer_bytes
    }

    /// Starts a script with grants for everything that it sees.
    pub fn start(&self, script: Script) -> RunHandle {
        let run = RunId(format!("run-{}", self.runs.fetch_add(1, Ordering::Relaxed) + 1));
        let tools = RunTools {
            caller: Caller { key: None, run: run.clone() },
            namespace: Arc::clone(&self.namespace),
            grants: Grants::everything_visible(&self.namespace),
            journal: Arc::clone(&self.journal),
            upstreams: Arc::clone(&self.upstreams),
            limits: call_limits(&self.limits),
        };
        // Not bounded by its own length: a run's `log_bytes` and `tool_calls` bound what it can send.
        let (sender, events) = mpsc::unbounded_channel();
        let cancellation = CancellationToken::new();
        let execution = self
            .engine
            .run(script.clone(), self.limits.clone(), Arc::new(tools))
            .with_events(Arc::new(move |event| {
                // Nobody listens any more: the run goes on without an audience.
                let _ = sender.send(event);
            }))
            .with_cancellation(cancellation.clone());
        let journal = Arc::clone(&self.journal);
        let span = tracing::info_span!("run", run.id = %run);
        let recorded = record_run(journal, run.clone(), script, execution.execute()).instrument(span);
        let report = self.threads.spawn(recorded);
        let guard = cancellation.clone().drop_guard();
        RunHandle { events, run, report, cancellation, _cancel_when_dropped: guard }
    }
}

impl RunHandle {
    /// The run's name in the journal.
    #[must_use]
    pub fn id(&self) -> &RunId {
        &self.run
    }

    /// Ends the run and its calls when it is cancelled.
    #[must_use]
    pub fn cancellation(&self) -> CancellationToken {
        self.cancellation.clone()
    }

    /// Waits for the end of the run.
    pub async fn report(self) -> Report {
        match self.report.await {
            Ok(report) => report,
            Err(error) => Report::fault(format!("the run's task ended without a report: {error}")),
        }
    }
}

/// Executes a run between its two entries in the journal.
async fn record_run(
    journal: Arc<dyn Journal>,
    run: RunId,
    script: Script,
    execution: impl Future<Output = Report>,
) -> Report {
    let started = Entry::RunStarted { run: run.clone(), source: script.source().to_owned() };
    if let Err(error) = journal.append(started) {
        return Report::fault(error.to_string());
    }
    let report = execution.await;
    tracing::info!(
        outcome = report.outcome.name(),
        fuel.used = report.usage.fuel,
        memory.peak = report.usage.memory_bytes_peak,
        duration.ms = report.usage.wall_ms,
        calls = report.usage.tool_calls,
        "run ended"
    );
    if let Err(error) = journal.append(Entry::RunEnded { run, outcome: report.outcome.name().to_owned() }) {
        tracing::error!(%error);
    }
    report
}
