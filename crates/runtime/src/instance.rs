//! An instance of the guest between two scripts of a session.

use std::fmt;
use std::sync::Arc;

use exuvia_host::Guest;
use wasmtime::Store;

use crate::Engine;
use crate::cleaning::Cleaning;
use crate::engine::StoreState;

/// What is said where a session cannot go on for lack of memory.
pub(crate) const NO_ROOM: &str = "there is no memory for the session at the moment: send the script again later";

/// A CPython that has run the scripts of a session so far and can run a further one, which finds all that they left:
/// [`Run::execute_in_session`](crate::Run::execute_in_session). It has a turn of the engine until it [rests](Self::rest), and holds memory
/// until it is dropped.
///
/// Whoever keeps one decides who runs scripts in it: nothing is taken away between two of them.
pub struct Instance {
    // Dropped in this order.
    pub(crate) store: Store<StoreState>,
    pub(crate) guest: Guest,
    pub(crate) cleaning: Cleaning,
}

impl Instance {
    /// Gives back its turn. From now on it holds its memory alone, and is one of
    /// [`resting_instances`](crate::EngineConfig::resting_instances).
    #[must_use]
    pub fn rest(mut self) -> Self {
        self.store.data_mut().memory.rest();
        self.cleaning.set_turn(None);
        self
    }

    /// What it holds, in bytes, while it rests.
    #[must_use]
    pub fn memory_bytes(&self) -> u64 {
        self.store.data().memory.current_bytes()
    }

    /// Takes a turn of the engine, and memory for a script with this limit. None: there is no room for it, and the instance is gone.
    pub async fn wake(mut self, engine: &Engine, memory_bytes: u64) -> Option<Self> {
        if !self.cleaning.has_turn() {
            self.cleaning.set_turn(Some(Arc::clone(&engine.inner.turns).acquire_owned().await.ok()?));
        }
        self.store.data_mut().memory.wake(memory_bytes).then_some(self)
    }
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Instance({} bytes)", self.memory_bytes())
    }
}
