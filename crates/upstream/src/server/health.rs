//! Why calls over a lane, or over all of the operator's lanes, fail at the moment.

use std::sync::Mutex;

use exuvia_tool::locked;

use crate::status::Failing;

/// Known from calls and reads of the list, until one is answered. What happens to the lane of a key is no news of the server: it has one
/// of its own.
#[derive(Debug, Default)]
pub(crate) struct Health(Mutex<Option<Failing>>);

impl Health {
    /// Why calls fail at the moment.
    pub(crate) fn failing(&self) -> Option<Failing> {
        *locked(&self.0)
    }

    /// Calls fail for this reason, or do not any more. Tells whether that is news.
    pub(crate) fn set(&self, failing: Option<Failing>) -> bool {
        std::mem::replace(&mut *locked(&self.0), failing) != failing
    }
}
