//! Elicitation and other requests of a server in the middle of a call.

use std::time::Duration;

use exuvia_tool::Json;
use serde_json::json;
use tokio::sync::oneshot;

/// By what servers ask for input of the user.
const ELICITATION: &str = "elicitation/create";

/// Why a question is declined that may be for several calls, and what to do.
pub(crate) const UNCERTAIN: &str = "question declined: the connection is shared, so the client to ask is unknown; call the tool again to \
     get a connection of its own";

/// Something that a server asks in the middle of a request. Dropped without an answer, it is declined.
#[derive(Debug)]
pub struct Question {
    method: String,
    params: Json,
    patience: Duration,
    answer: oneshot::Sender<Json>,
}

impl Question {
    /// A question, and where its answer arrives.
    pub(crate) fn new(method: &str, params: Json, patience: Duration) -> (Self, oneshot::Receiver<Json>) {
        let (answer, answered) = oneshot::channel();
        (Self { method: method.to_owned(), params, patience, answer }, answered)
    }

    /// What is asked for: `elicitation/create` or `sampling/createMessage`.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The parameters of the request, as written.
    #[must_use]
    pub fn params(&self) -> &Json {
        &self.params
    }

    /// How long the client may take: `question_timeout` of the server.
    #[must_use]
    pub fn patience(&self) -> Duration {
        self.patience
    }

    /// Completes when the server waits for no answer any more.
    pub async fn abandoned(&mut self) {
        self.answer.closed().await;
    }

    /// Gives the server this result.
    pub fn answer(self, result: Json) {
        // The call may be over.
        let _ = self.answer.send(result);
    }

    /// Tells the server that the user made no choice: the client took too long, or is gone.
    pub fn dismiss(self) {
        if self.method == ELICITATION {
            self.answer(Json::from_value(&json!({ "action": "cancel" })));
        }
    }
}
