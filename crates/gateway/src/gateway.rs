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
use crate::catalogue::Catalogue;
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
    catalogue: Arc<Catalogue>,
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
    /// A gateway over servers that have been started. What they list is what scripts see: as it is when a script starts.
    ///
    /// # Errors
    ///
    /// The threads for runs cannot be started.
    pub fn new(config: GatewayConfig) -> io::Result<Self> {
        let threads = RunRuntime::new()?;
        Ok(Self {
            catalogue: Catalogue::following(Arc::clone(&config.upstreams), &threads),
            layouts: config.layouts,
            answer_bytes: config.answer_bytes,
            engine: config.engine,
            upstreams: config.upstreams,
            journal: config.journal,
            limits: config.limits,
            threads,
            runs: AtomicU64::new(0),
        })
    }

    /// The servers and tools that a script sees that starts now.
    #[must_use]
    pub fn namespace(&self) -> Arc<Namespace> {
        self.catalogue.namespace()
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
        let namespace = self.catalogue.namespace();
        let tools = RunTools {
            caller: Caller { key: None, run: run.clone() },
            grants: Grants::everything_visible(&namespace),
            namespace,
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
        let over = Over { upstreams: Arc::clone(&self.upstreams), run: run.clone() };
        let recorded = async move { record_run(journal, script, execution.execute(), &over.run).await };
        let report = self.threads.spawn(recorded.instrument(span));
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

/// Tells the servers when a run is over, also when it is dropped half-way.
struct Over {
    upstreams: Arc<Upstreams>,
    run: RunId,
}

impl Drop for Over {
    fn drop(&mut self) {
        self.upstreams.run_ended(&self.run);
    }
}

/// Executes a run between its two entries in the journal.
async fn record_run(
    journal: Arc<dyn Journal>,
    script: Script,
    execution: impl Future<Output = Report>,
    run: &RunId,
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
    if let Err(error) = journal.append(Entry::RunEnded { run: run.clone(), outcome: report.outcome.name().to_owned() })
    {
        tracing::error!(%error);
    }
    report
}
