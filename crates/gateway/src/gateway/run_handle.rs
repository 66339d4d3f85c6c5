//! A run in flight.

use std::fmt;

use exuvia_config::OnDisconnect;
use exuvia_runtime::Report;
use exuvia_tool::{RunEvent, RunId};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::answer::AnswerRoom;
use crate::client_questions::ClientQuestion;

/// A run in flight. Dropping it cancels the run.
#[non_exhaustive]
pub struct RunHandle {
    /// What happens in the run, in order. Ends when the run does.
    pub events: mpsc::UnboundedReceiver<RunEvent>,
    /// What the run asks its client. Dropped, nobody is asked.
    pub questions: mpsc::UnboundedReceiver<ClientQuestion>,
    pub(super) run: RunId,
    pub(super) answer_room: AnswerRoom,
    pub(super) on_disconnect: OnDisconnect,
    pub(super) report: JoinHandle<Report>,
    pub(super) cancellation: CancellationToken,
    pub(super) _cancel_when_dropped: DropGuard,
}

impl fmt::Debug for RunHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RunHandle({})", self.run)
    }
}

impl RunHandle {
    /// The run's name in the journal.
    #[must_use]
    pub fn id(&self) -> &RunId {
        &self.run
    }

    /// How much a model is shown of its report.
    #[must_use]
    pub fn answer_room(&self) -> AnswerRoom {
        self.answer_room
    }

    /// Whether it is cancelled when its client disconnects. The holder of this handle decides: dropping it cancels the run.
    #[must_use]
    pub fn on_disconnect(&self) -> OnDisconnect {
        self.on_disconnect
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
