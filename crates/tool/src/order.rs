//! In which order the calls of a run leave for their server.
//!
//! A call leaves when the ones before it have been sent, not when they have been answered. Its ticket is one for two lines. In
//! the first, calls are admitted to the server one by one: limits on calls in flight admit them in their order, and so
//! whoever waits in the second line waits for calls that have been let in as well, never for one that waits for its own place.
//! Between the two they wait for a connection side by side. In the second they leave.

use crate::{Line, Place};

/// The order in which the calls of one run leave for one server. Clones are the same order.
#[derive(Debug, Clone, Default)]
pub struct DispatchOrder {
    admission: Line,
    leaving: Line,
}

/// A call's place in a [`DispatchOrder`]. Dropping it lets those behind it pass. The default is in no order and never waits.
#[derive(Debug, Default)]
pub struct DispatchTicket {
    /// Its place among those that wait to be admitted.
    pub admission: Place,
    /// Its place among those that wait to leave.
    pub leaving: Place,
}

impl DispatchOrder {
    /// A ticket for the next call.
    #[must_use]
    pub fn ticket(&self) -> DispatchTicket {
        DispatchTicket { admission: self.admission.enter(), leaving: self.leaving.enter() }
    }
}
