//! Cancelling one run: in flight, or parked.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use exuvia_journal::{ApprovalError, Event, HoldEnd, JournalErrorKind, RunEnd, WaitingRun};
use exuvia_tool::{CallContext, Origin, RunId};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::Gateway;
use crate::approvals::{Approvals, Lease};
use crate::coming_back::used;
use crate::ids::now_ms;

/// Why the approvals of a cancelled run are void.
const WHY: &str = "the run was cancelled";
/// How long a run may take to come to its end, or to be parked, before this gives up on it.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is looked at meanwhile.
const POLL: Duration = Duration::from_millis(10);

/// Why a run is not cancelled.
#[derive(Debug)]
#[non_exhaustive]
pub enum NotCancelled {
    /// There is none of this id that goes on.
    Unknown,
    /// Another process that shares the store of approvals has it.
    Elsewhere,
    /// What is known of it cannot be read or written.
    Unavailable(Box<dyn std::error::Error + Send + Sync>),
}

impl fmt::Display for NotCancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "it is not in flight, and waits for no approval",
            Self::Elsewhere => "another process has it: cancel it there, or again when it is parked",
            Self::Unavailable(_) => "what is recorded of it cannot be read or written",
        })
    }
}

impl std::error::Error for NotCancelled {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unavailable(error) => Some(&**error),
            Self::Unknown | Self::Elsewhere => None,
        }
    }
}

impl From<ApprovalError> for NotCancelled {
    fn from(error: ApprovalError) -> Self {
        Self::Unavailable(error.into())
    }
}

impl Gateway {
    /// Cancels a run. One in flight still gives its report. One that is parked ends here, and its approvals are void: also one that is being
    /// parked, or brought back, at this moment.
    ///
    /// # Errors
    ///
    /// It does not go on, or not in this process.
    pub async fn cancel_run(&self, run: &RunId) -> Result<(), NotCancelled> {
        let is_live = self.live_runs().cancel(run);
        let Some(approvals) = &self.approvals else {
            return if is_live { Ok(()) } else { Err(NotCancelled::Unknown) };
        };
        let until = Instant::now() + PATIENCE;
        let mut was_live = is_live;
        loop {
            // A run that is given up by its process is entered nowhere before it is parked.
            while self.live_runs().has(run) || approvals.leases.has(run) {
                if Instant::now() >= until {
                    return if was_live { Ok(()) } else { Err(NotCancelled::Elsewhere) };
                }
                was_live |= self.live_runs().cancel(run);
                tokio::time::sleep(POLL).await;
            }
            match self.cancel_parked(approvals, run).await? {
                Parked::Ended => return Ok(()),
                Parked::Not if was_live => return Ok(()),
                Parked::Not => return Err(NotCancelled::Unknown),
                Parked::Taken if Instant::now() >= until => return Err(NotCancelled::Elsewhere),
                Parked::Taken => tokio::time::sleep(POLL).await,
            }
        }
    }

    async fn cancel_parked(&self, approvals: &Arc<Approvals>, run: &RunId) -> Result<Parked, NotCancelled> {
        let waiting = match approvals.store().waiting(run).await? {
            Some(waiting) if waiting.state.goes_on() => waiting,
            _ => return Ok(Parked::Not),
        };
        let now = now_ms();
        let lease = approvals.leases.next(now);
        let Some(claimed) = Lease::reserve(approvals, run, lease.until_ms, CancellationToken::new()) else {
            return Ok(Parked::Taken);
        };
        if !approvals.store().claim(run, &lease, now).await? {
            return Err(NotCancelled::Elsewhere);
        }
        self.end_parked(&claimed, &waiting).await?;
        approvals.deliver().await;
        Ok(Parked::Ended)
    }

    /// Records the end of a run that nobody else has.
    async fn end_parked(&self, lease: &Lease, waiting: &WaitingRun) -> Result<(), NotCancelled> {
        let unavailable = |error: Box<dyn std::error::Error + Send + Sync>| NotCancelled::Unavailable(error);
        let record = match &self.archive {
            Some(archive) => archive.record(waiting.run.as_str()).await.map_err(|error| unavailable(error.into()))?,
            None => None,
        };
        if record.as_ref().is_some_and(|record| record.end().is_some()) {
            lease.end(&HoldEnd::Done).await?;
            return Err(NotCancelled::Unknown);
        }
        let context = CallContext::new(waiting.principal.clone(), Origin::Run(waiting.run.clone()));
        let usage = record.as_ref().map(used).unwrap_or_default();
        let end = RunEnd { outcome: "cancelled".to_owned(), usage, ..RunEnd::default() };
        // One whose content was erased takes no entry, and ends as well.
        let is_erased = record.is_some_and(|record| record.is_erased);
        match self.recorder.of(&context).require(Event::RunEnded(Box::new(end))).await {
            Err(error) if !is_erased && error.kind() != JournalErrorKind::Late => {
                return Err(unavailable(error.into()));
            }
            _ => {}
        }
        self.metrics.run_dropped("cancelled");
        lease.end(&HoldEnd::Void(WHY.to_owned())).await?;
        tracing::info!(run.id = %waiting.run, "parked run cancelled");
        Ok(())
    }
}

/// What became of a run that may be parked.
enum Parked {
    /// It ended.
    Ended,
    /// It is not parked.
    Not,
    /// It is being brought back.
    Taken,
}
