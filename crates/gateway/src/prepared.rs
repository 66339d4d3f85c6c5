//! A run with everything it needs: recorded, decided on, executed.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Instant;

use exuvia_analysis::Note;
use exuvia_journal::{Entry, Journal};
use exuvia_policy::Grants;
use exuvia_runtime::{Engine, Report, Script};
use exuvia_tool::{BoxFuture, HeldCall, RunEvent, RunId};
use exuvia_upstream::{Caller, Routes};
use tokio::sync::mpsc;
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;

use crate::admission::{Decision, Judge, PrePass, StartedBy, Verdict};
use crate::authority::Authority;
use crate::call::{RunParts, RunTools, call_limits};
use crate::metrics::Metrics;
use crate::queue::Place;
use crate::settings::Snapshot;

/// A run that has not begun.
pub(crate) struct Prepared {
    pub(crate) run: RunId,
    pub(crate) script: Script,
    pub(crate) by: StartedBy,
    pub(crate) pre_pass: PrePass,
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) authority: Arc<Authority>,
    pub(crate) engine: Engine,
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) events: mpsc::UnboundedSender<RunEvent>,
    pub(crate) cancellation: CancellationToken,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) _place: Place,
}

impl Prepared {
    /// Executes the run between its two entries in the journal.
    pub(crate) async fn execute(self) -> Report {
        let (journal, run, routes) = (Arc::clone(&self.journal), self.run.clone(), self.snapshot.routes.clone());
        let (metrics, begun) = (Arc::clone(&self.metrics), Instant::now());
        let started = Entry::RunStarted { run: run.clone(), source: self.script.source().to_owned() };
        if let Err(error) = journal.append(started) {
            return Report::fault(error.to_string());
        }
        // Also when this future is dropped half-way.
        let _over = Over { routes, run: run.clone() };
        let report = self.decided().await;
        metrics.run_ended(&report, begun.elapsed());
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

    async fn decided(self) -> Report {
        let judged = self.judged().await;
        match judged.map(|(verdict, notes)| (Decision::of(verdict, self.script.source()), notes)) {
            Ok((Decision::Start(grants), notes)) => noted(self.run(grants).await, &notes),
            Ok((Decision::Not(outcome), _)) => Report::not_started(outcome),
            Err(error) => Report::fault(format!("the analysis ended without a verdict: {error}")),
        }
    }

    /// Decided aside: a long script must not hold up the threads that other runs compute on.
    async fn judged(&self) -> Result<(Verdict, Vec<Note>), JoinError> {
        let (script, snapshot) = (self.script.clone(), Arc::clone(&self.snapshot));
        let (by, pre_pass) = (self.by, self.pre_pass);
        tokio::task::spawn_blocking(move || {
            let Snapshot { namespace, settings, .. } = &*snapshot;
            Judge { by, pre_pass, namespace, policy: &settings.policy, limits: &settings.limits }.judge(&script)
        })
        .await
    }

    async fn run(self, grants: Grants) -> Report {
        let (held, holds) = mpsc::unbounded_channel();
        let limits = self.snapshot.settings.limits.clone();
        let tools = RunTools::new(RunParts {
            caller: Caller { key: None, run: self.run },
            snapshot: self.snapshot,
            grants,
            authority: self.authority,
            journal: self.journal,
            metrics: self.metrics,
            limits: call_limits(&limits),
            held,
        });
        let events = self.events;
        self.engine
            .run(self.script, limits, Arc::new(tools))
            .with_events(Arc::new(move |event| {
                // Nobody listens any more: the run goes on without an audience.
                let _ = events.send(event);
            }))
            .with_cancellation(self.cancellation)
            .with_hold(first(holds))
            .execute()
            .await
    }
}

/// Puts the notes into the log of a run that made calls one after the other: with one call there was nothing to gain.
fn noted(mut report: Report, notes: &[Note]) -> Report {
    if report.calls.len() > 1 {
        if !notes.is_empty() && !report.logs.text.is_empty() && !report.logs.text.ends_with('\n') {
            report.logs.text.push('\n');
        }
        for Note { line, message } in notes {
            let _ = writeln!(report.logs.text, "note on line {line}: {message}");
        }
    }
    report
}

/// The calls that are held when the first one is.
fn first(mut holds: mpsc::UnboundedReceiver<HeldCall>) -> BoxFuture<'static, Vec<HeldCall>> {
    Box::pin(async move {
        let Some(hold) = holds.recv().await else { return std::future::pending().await };
        let mut held = vec![hold];
        while let Ok(another) = holds.try_recv() {
            held.push(another);
        }
        held
    })
}

/// Tells the servers when a run is over.
pub(crate) struct Over {
    routes: Routes,
    run: RunId,
}

impl Over {
    pub(crate) fn of(routes: Routes, run: RunId) -> Self {
        Self { routes, run }
    }
}

impl Drop for Over {
    fn drop(&mut self) {
        self.routes.run_ended(&self.run);
    }
}
