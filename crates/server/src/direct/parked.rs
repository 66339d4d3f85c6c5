//! Calls that wait until a client of the newer era comes back with an answer.
//!
//! Such a client is not asked in the middle of a request: the question is the answer, and the client repeats the request with
//! what it was asked for. A server of the older era knows nothing of that; its call stays open meanwhile.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use exuvia_gateway::DirectCall;
use exuvia_tool::{Json, ToolName};
use exuvia_upstream::Question;

/// Calls that wait at the same time. The question of a further one is declined.
const CALLS: usize = 256;
/// How long a client may take.
const PATIENCE: Duration = Duration::from_secs(5 * 60);
/// What the names of waiting calls begin with: servers of the newer era have such names of their own.
const PREFIX: &str = "exuvia-";

/// A call that waits.
pub(super) struct Waiting {
    pub(super) call: DirectCall,
    pub(super) question: Question,
    /// What was called, and with what: the client has to repeat both.
    pub(super) tool: ToolName,
    pub(super) arguments: Json,
}

/// All of them, by names that nobody can guess.
#[derive(Default)]
pub(super) struct Parked(Mutex<HashMap<String, Waiting>>);

impl fmt::Debug for Parked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Parked({})", self.calls().len())
    }
}

impl Parked {
    fn calls(&self) -> MutexGuard<'_, HashMap<String, Waiting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a call aside and gives the name by which the client comes back to it. The call comes back when there is no room.
    pub(super) fn park(self: &Arc<Self>, waiting: Waiting) -> Result<String, Box<Waiting>> {
        let mut random = [0; 16];
        if self.calls().len() >= CALLS || getrandom::fill(&mut random).is_err() {
            return Err(Box::new(waiting));
        }
        let name = format!("{PREFIX}{:032x}", u128::from_ne_bytes(random));
        self.calls().insert(name.clone(), waiting);
        let (parked, late) = (Arc::downgrade(self), name.clone());
        tokio::spawn(async move {
            tokio::time::sleep(PATIENCE).await;
            if let Some(parked) = parked.upgrade() {
                parked.calls().remove(&late);
            }
        });
        Ok(name)
    }

    /// The call of this name, once. `None` for a name that is a server's own.
    ///
    /// # Errors
    ///
    /// It waits no longer, or it is another call.
    pub(super) fn take(&self, name: &str, tool: &ToolName, arguments: &Json) -> Result<Option<Waiting>, &'static str> {
        if !name.starts_with(PREFIX) {
            return Ok(None);
        }
        let mut calls = self.calls();
        match calls.get(name) {
            None => Err("this call was answered already, or waited too long: make it again without requestState"),
            Some(waiting) if waiting.tool != *tool || waiting.arguments != *arguments => {
                Err("this requestState belongs to another call: repeat the call with the same name and arguments")
            }
            Some(_) => Ok(calls.remove(name)),
        }
    }
}
