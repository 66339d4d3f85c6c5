//! A part of a run: from its start, or from where it was brought back, to its end, or to where it is parked.

use std::sync::Arc;
use std::time::Duration;

use exuvia_journal::{Approval, FunctionUsage, RunUsage};
use exuvia_replay::{Resume, Resumption, SessionFiles};
use exuvia_runtime::{ActiveTime, Instance, Outcome, Report, Run};
use exuvia_tool::{BoxFuture, Cost, HeldCall, RunIo, ToolHost};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::approvals::{Lease, RunHolds};
use crate::call::RunTools;
use crate::repair::Repair;
use crate::sessions::Left;

/// How long it may take until a run is where its record ends: nothing in that waits.
const REPLAY: Duration = Duration::from_secs(600);

/// What a part of a run begins with.
pub(crate) struct RunPart {
    /// How much of its time it has used already.
    pub(crate) took: Duration,
    pub(crate) active: Arc<ActiveTime>,
    /// What of it is held. None: nobody is asked.
    pub(crate) holds: Option<Arc<RunHolds>>,
    /// Its record, if it is brought back.
    pub(crate) resumed: Option<ResumedPart>,
    /// What it begins with, if it is of a session.
    pub(crate) session: Option<SessionPart>,
}

/// What a script of a session begins with.
#[derive(Default)]
pub(crate) struct SessionPart {
    /// None: it is the first one.
    instance: Option<Instance>,
    clock: Duration,
    /// What scripts before it have open.
    pub(crate) files: SessionFiles,
}

impl SessionPart {
    pub(crate) fn after(left: Option<Left>) -> Self {
        left.map_or_else(Self::default, |Left { instance, clock, files }| Self {
            instance: Some(instance),
            clock,
            files,
        })
    }
}

impl RunPart {
    /// Where its clock goes on.
    pub(crate) fn clock(&self) -> Duration {
        let resumed = self.resumed.as_ref().map(|resumed| resumed.clock);
        resumed.or_else(|| self.session.as_ref().map(|session| session.clock)).unwrap_or_default()
    }
}

/// What came of a part of a run.
pub(crate) struct CameOfPart {
    pub(crate) report: Report,
    /// What its calls cost.
    pub(crate) cost: Cost,
    /// What its functions have used since its start.
    pub(crate) functions: FunctionUsage,
    /// What it left for the next script of its session.
    pub(crate) left: Option<Left>,
}

/// Executes a script, in its session if it is of one.
pub(crate) async fn executed(run: Run, session: Option<SessionPart>) -> (Report, Option<Left>) {
    let Some(SessionPart { instance, clock, files }) = session else { return (run.execute().await, None) };
    let (report, instance) = Box::pin(run.execute_in_session(instance)).await;
    let clock = clock + Duration::from_millis(report.usage.wall_ms.saturating_add(1));
    (report, instance.map(|instance| Left { instance, clock, files }))
}

/// The record of a run that is brought back.
pub(crate) struct Resumed {
    pub(crate) resume: Resume,
    /// What it used before it was parked.
    pub(crate) before: RunUsage,
    /// What was asked of it, the latest first.
    pub(crate) asked: Vec<Approval>,
    /// The earlier run whose answers it takes.
    pub(crate) repair: Option<Repair>,
    /// By which this process has it.
    pub(crate) lease: Lease,
}

/// What the next part of it begins with.
pub(crate) struct ResumedPart {
    pub(crate) resume: Resume,
    /// Where its clock goes on.
    pub(crate) clock: Duration,
    /// What its functions used before it was parked.
    pub(crate) functions: FunctionUsage,
    /// The earlier run whose answers it takes further.
    pub(crate) repair: Option<Arc<Repair>>,
}

/// What a part of a run is made with.
pub(crate) fn begun(
    resumed: Option<Resume>,
    tools: &RunTools,
    io: Box<dyn RunIo>,
    active: &Arc<ActiveTime>,
) -> (Arc<dyn ToolHost>, Box<dyn RunIo>, Option<Resumption>) {
    let tools = Arc::new(tools.clone());
    match resumed {
        None => (tools, io, None),
        Some(resume) => {
            let parts = resume.begin(tools, io, Arc::clone(active));
            (parts.tools, parts.io, Some(parts.resumption))
        }
    }
}

/// What ends a part of a run beside its script.
pub(crate) struct RunEnds {
    pub(crate) holds: Option<Arc<RunHolds>>,
    pub(crate) resumption: Option<Resumption>,
    /// Cancelled by the client, or with all that runs.
    pub(crate) cancellation: CancellationToken,
    /// Cancelled with all that runs.
    pub(crate) stopping: CancellationToken,
}

impl RunEnds {
    /// What cancels the execution.
    pub(crate) fn own_cancellation(&self) -> CancellationToken {
        // Of one that may be parked it is cancelled by what waits for that.
        if self.holds.is_some() { CancellationToken::new() } else { self.cancellation.clone() }
    }

    /// Completes when the execution is to end because of calls that are held.
    pub(crate) fn held(
        &self,
        first: mpsc::UnboundedReceiver<HeldCall>,
        own: CancellationToken,
    ) -> BoxFuture<'static, Vec<HeldCall>> {
        let Some(holds) = self.holds.clone() else { return first_of(first) };
        let (cancellation, stopping) = (self.cancellation.clone(), self.stopping.clone());
        let (departed, lost) = (self.resumption.clone(), holds.lost.clone());
        let replay = departed.clone();
        Box::pin(async move {
            // Nobody sends.
            drop(first);
            let departs = async move {
                match departed {
                    Some(resumption) => resumption.stop().cancelled_owned().await,
                    None => std::future::pending().await,
                }
            };
            let replay_over = async move {
                tokio::time::sleep(REPLAY).await;
                if replay.is_none_or(|resumption| resumption.is_live()) {
                    std::future::pending::<()>().await;
                }
            };
            tokio::select! {
                biased;
                held = holds.parked(stopping) => return held,
                () = cancellation.cancelled() => {}
                () = departs => {}
                () = replay_over => {}
                () = lost.cancelled() => {}
            }
            own.cancel();
            std::future::pending().await
        })
    }

    /// The report, or why the run is not the one that its record has.
    pub(crate) fn judged(&self, mut report: Report) -> Report {
        let Some(resumption) = &self.resumption else { return report };
        let is_cancelled = matches!(report.outcome, Outcome::Cancelled);
        if !resumption.stop().is_cancelled() && (resumption.is_live() || is_cancelled) {
            match &self.holds {
                _ if resumption.is_live() => {}
                _ if !self.cancellation.is_cancelled() => {
                    let seconds = REPLAY.as_secs();
                    report.outcome = Outcome::Void(format!("it was not where its record ends within {seconds} s"));
                }
                // It has done nothing, and another process may bring it back.
                Some(holds) if self.stopping.is_cancelled() => {
                    report.outcome = Outcome::AwaitingApproval(holds.parked_again());
                }
                _ => {}
            }
            return report;
        }
        if let Some(departure) = resumption.departure() {
            report.outcome = Outcome::Void(departure.without_values());
        }
        report
    }
}

/// The calls that are held when the first one is.
pub(crate) fn first_of(mut holds: mpsc::UnboundedReceiver<HeldCall>) -> BoxFuture<'static, Vec<HeldCall>> {
    Box::pin(async move {
        let Some(hold) = holds.recv().await else { return std::future::pending().await };
        let mut held = vec![hold];
        while let Ok(another) = holds.try_recv() {
            held.push(another);
        }
        held
    })
}
