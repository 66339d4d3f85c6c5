//! Questions to the client in the middle of a call.

use serde_json::{Value, json};

use crate::out::Later;
use crate::server::State;

/// A call that waits for the answer to a question of ours.
pub(crate) struct Asking {
    /// The id of the call.
    pub(crate) call: Value,
    /// The way back to who made it.
    pub(crate) way: Later,
    /// Method and parameters of the question.
    pub(crate) question: Value,
    /// How often it is asked again once it is answered.
    pub(crate) again: u64,
}

impl State {
    /// Notes a question under an id of its own. Gives the message that asks it.
    pub(crate) fn ask(&mut self, asking: Asking) -> String {
        self.questions += 1;
        let name = format!("question-{}", self.questions);
        let mut message = asking.question.clone();
        (message["jsonrpc"], message["id"]) = (json!("2.0"), json!(name));
        self.asking.insert(name, asking);
        message.to_string()
    }

    /// A question was answered: it is asked again, or the call ends.
    pub(crate) fn answered(&mut self, message: &Value) {
        let question = message.get("id").and_then(Value::as_str).unwrap_or_default();
        let Some(asking) = self.asking.remove(question) else { return };
        let way = asking.way.clone();
        if let Some(again) = asking.again.checked_sub(1) {
            let message = self.ask(Asking { again, ..asking });
            way(message.as_bytes());
            return;
        }
        let said = message.get("error").or(message.get("result")).unwrap_or(&Value::Null);
        let text = format!("the client said: {said}");
        let result = json!({"content": [{"type": "text", "text": text}], "isError": true});
        way(json!({"jsonrpc": "2.0", "id": asking.call, "result": result}).to_string().as_bytes());
    }
}
