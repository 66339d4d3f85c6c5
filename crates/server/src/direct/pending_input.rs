//! Pending input requests: calls that wait until a client of the modern era returns with an answer.
//!
//! Such a client is not asked in the middle of a request: the question is the response, and the client repeats the request with
//! the answer. A server of the legacy era does not know this; the request to it stays open meanwhile.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use exuvia_gateway::DirectCall;
use exuvia_mcp_client::Question;
use exuvia_tool::{Json, ToolName};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use crate::questions::QuestionPlace;

/// Requests that wait at the same time. The question of a further one is declined.
const REQUESTS: usize = 256;
/// What they were asked with and what they ask, together.
const REQUESTS_BYTES: usize = 64 << 20;
/// What the names of waiting requests begin with.
const PREFIX: &str = "exuvia-";

/// A request that was made.
pub(super) struct Ongoing {
    pub(super) call: DirectCall,
    /// How often its server has asked.
    pub(super) questions: usize,
}

/// A request that waits.
pub(super) struct PendingInputRequest {
    pub(super) ongoing: Ongoing,
    pub(super) question: Question,
    /// How long the client may take.
    pub(super) until: Instant,
    pub(super) _place: QuestionPlace,
    /// What was asked for, and with what: the client has to repeat both.
    pub(super) name: ToolName,
    pub(super) arguments: Arc<Json>,
}

/// All of them, by unguessable names: a client of the modern era has no other identity, and may come back on another
/// connection.
#[derive(Default)]
pub(super) struct PendingInputRequests(Mutex<HashMap<String, (PendingInputRequest, Forgetting)>>);

/// The task that forgets a request whose client does not come back. Ends with the request.
type Forgetting = AbortOnDropHandle<()>;

impl fmt::Debug for PendingInputRequests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PendingInputRequests({})", self.requests().len())
    }
}

impl PendingInputRequests {
    fn requests(&self) -> MutexGuard<'_, HashMap<String, (PendingInputRequest, Forgetting)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a request aside and gives the name by which the client comes back to it. `None`: there is no room.
    pub(super) fn insert(self: &Arc<Self>, waiting: PendingInputRequest) -> Option<String> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).ok()?;
        let name = format!("{PREFIX}{:032x}", u128::from_ne_bytes(random));
        // Looked at and taken under one lock: there are never more.
        let mut requests = self.requests();
        let bytes =
            |waiting: &PendingInputRequest| waiting.arguments.size_bytes() + waiting.question.params().size_bytes();
        let held = requests.values().map(|(waiting, _)| bytes(waiting)).sum::<usize>() + bytes(&waiting);
        if held > REQUESTS_BYTES || requests.len() >= REQUESTS {
            return None;
        }
        let (pending_input, late, until) = (Arc::downgrade(self), name.clone(), waiting.until);
        let forgetting = tokio::spawn(async move {
            tokio::time::sleep_until(until).await;
            let late = pending_input.upgrade().and_then(|pending_input| pending_input.requests().remove(&late));
            if let Some((PendingInputRequest { question, .. }, _)) = late {
                question.dismiss();
            }
        });
        requests.insert(name.clone(), (waiting, AbortOnDropHandle::new(forgetting)));
        Some(name)
    }

    /// The request of this name, once.
    ///
    /// # Errors
    ///
    /// It waits no longer, or it is another request.
    pub(super) fn take(
        &self,
        state: &str,
        name: &ToolName,
        arguments: &Json,
    ) -> Result<PendingInputRequest, &'static str> {
        let mut requests = self.requests();
        match requests.get(state) {
            Some((waiting, _)) if waiting.name != *name || *waiting.arguments != *arguments => {
                Err("this requestState belongs to another request: repeat that one, with the same arguments")
            }
            _ => {
                let waiting = requests.remove(state).map(|(waiting, _)| waiting);
                waiting.ok_or("this requestState was already used or has expired: repeat the request without it")
            }
        }
    }
}
