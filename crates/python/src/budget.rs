//! The calls of tools that a session may make. Those that wait for its next step are not among them.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use exuvia_runtime::{Limit, LimitHit, Limits, Outcome, Report};
use tokio_util::sync::CancellationToken;

/// The most steps of a session: the engine records a call for each of them.
const STEPS: u64 = 10_000;

/// What is left of `tool_calls`, over all steps.
pub(crate) struct CallBudget {
    allowed: u64,
    left: AtomicU64,
    is_exceeded: AtomicBool,
    run: CancellationToken,
}

impl CallBudget {
    /// Takes the limit over from the engine, which counts the steps as well. `run` stops the run.
    pub(crate) fn take_over(limits: &mut Limits, run: CancellationToken) -> Self {
        let allowed = limits.tool_calls;
        limits.tool_calls = allowed.saturating_add(STEPS);
        Self { allowed, left: AtomicU64::new(allowed), is_exceeded: AtomicBool::new(false), run }
    }

    /// Counts one call. False: it is one too many, and the run is stopped.
    pub(crate) fn count(&self) -> bool {
        let counted = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok();
        if !counted {
            self.is_exceeded.store(true, Ordering::SeqCst);
            self.run.cancel();
        }
        counted
    }

    /// The report of the run, with the limit that stopped it.
    pub(crate) fn amend(&self, mut report: Report) -> Report {
        let message = match &report.outcome {
            Outcome::Cancelled if self.is_exceeded.load(Ordering::SeqCst) => {
                format!("the session made more than {} tool calls: fetch more per call", self.allowed)
            }
            Outcome::Stopped(hit) if hit.limit == Limit::ToolCalls => {
                format!("the session has had its {STEPS} steps: begin another one")
            }
            _ => return report,
        };
        report.outcome = Outcome::Stopped(LimitHit { limit: Limit::ToolCalls, message, error: None });
        report
    }
}
