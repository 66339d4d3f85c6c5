//! What a test gives the server to say, and what it has it write down.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;

use crate::server::Reply;

/// Appends a `tools/call` to `file`: one line, the message as it was received.
pub(crate) fn append(file: &str, message: &Value, received: &str) {
    if message.get("method").and_then(Value::as_str) == Some("tools/call") {
        let file = OpenOptions::new().create(true).append(true).open(file);
        // One write, so that lines of several writers do not mix.
        let _ = file.and_then(|mut file| file.write_all(format!("{}\n", received.trim_end()).as_bytes()));
    }
}

/// What `file` has as the answer to a call of a tool, or to a request of a method: it maps names to results. `$N` in it is another
/// number each time.
pub(crate) fn answer(file: &str, name: &str) -> Option<Reply> {
    static ANSWERS: AtomicU64 = AtomicU64::new(0);
    let number = ANSWERS.fetch_add(1, Ordering::Relaxed).to_string();
    let answers: Value = serde_json::from_str(&fs::read_to_string(file).ok()?.replace("$N", &number)).ok()?;
    answers.get(name).cloned().map(Reply::Result)
}

/// What `file` has as the answer to a request with this id.
pub(crate) fn raw(file: &str, id: &Value) -> Reply {
    let text = fs::read_to_string(file).unwrap_or_default();
    Reply::Messages(vec![text.replace("$ID", &id.to_string()).into_bytes()])
}
