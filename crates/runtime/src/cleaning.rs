//! What is done after a run.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;

use crate::budget::Claimed;
use crate::slots::Slots;

/// Cleans the slot of a run when it is dropped, which must be after the run's store. Until then the run's turn and its memory count
/// as taken.
pub(crate) struct Cleaning {
    slots: Arc<Slots>,
    _claimed: Arc<Claimed>,
    /// None: the guest rests.
    turn: Option<OwnedSemaphorePermit>,
}

impl Cleaning {
    /// Of a run with this turn and memory.
    pub(crate) fn after(slots: &Arc<Slots>, turn: OwnedSemaphorePermit, claimed: Arc<Claimed>) -> Self {
        Self { slots: Arc::clone(slots), _claimed: claimed, turn: Some(turn) }
    }

    /// Whether the guest may run.
    pub(crate) fn has_turn(&self) -> bool {
        self.turn.is_some()
    }

    /// The guest rests, or has its turn again.
    pub(crate) fn set_turn(&mut self, turn: Option<OwnedSemaphorePermit>) {
        self.turn = turn;
    }

    /// Cleans as the next task of this thread, or of one that is idle: the caller has the report first. A runtime that
    /// shuts down drops the task, which cleans as well.
    pub(crate) fn soon(self) {
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                let slots = Arc::clone(&self.slots);
                drop(self);
                slots.rest_when_idle().await;
            });
        }
    }
}

impl Drop for Cleaning {
    fn drop(&mut self) {
        self.slots.clean();
    }
}
