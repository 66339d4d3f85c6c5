//! Conversations with `exuvia stdio`.

use exuvia_tests::Client;
use serde_json::Value;

use super::conversation::{Conversation, Step, world};

/// Holds a conversation again: what came back this time.
pub(super) fn held(text: &str) -> String {
    let (arguments, variables) = world();
    let mut client = Client::with_variables(&arguments.each_ref().map(String::as_str), &variables);
    let mut conversation = Conversation::read(text);
    let mut unanswered = 0;
    while let Some((step, until)) = conversation.next() {
        let Step::Send(line) = step else { panic!("a pipe is one connection") };
        client.send_line(&line);
        match sent(&line) {
            Sent::Request => unanswered += 1,
            Sent::Cancellation => unanswered -= 1,
            Sent::Other => {}
        }
        while unanswered > 0 {
            let message = client.message();
            let (method, has_id) = (message["method"].as_str().map(str::to_owned), !message["id"].is_null());
            conversation.note(message);
            unanswered -= usize::from(method.is_none());
            if method.is_some() && (has_id || method == until) {
                break;
            }
        }
    }
    conversation.end()
}

enum Sent {
    /// It is answered, if only with an error.
    Request,
    /// What it cancels is not answered.
    Cancellation,
    /// A notification, or an answer.
    Other,
}

fn sent(line: &str) -> Sent {
    let Ok(message) = serde_json::from_str::<Value>(line) else { return Sent::Request };
    if message["method"] == "notifications/cancelled" {
        return Sent::Cancellation;
    }
    let is_notification = message.get("method").is_some() && message.get("id").is_none();
    if is_notification || message.get("result").is_some() { Sent::Other } else { Sent::Request }
}
