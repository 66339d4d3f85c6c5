//! What a model is shown of a result.

use exuvia_gateway::answer::{AnswerRoom, render};
use exuvia_runtime::{Outcome, Report};
use exuvia_tool::Json;
use serde_json::Value;

/// What the frame of an answer has beside what it shows, in bytes: what was left out, and what to do about it.
const FRAME_BYTES: usize = 300;

/// Whatever a result is, an answer keeps to its room, and one that fits is shown as it is.
pub(super) fn result(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let json = Json::parse(&*text).unwrap_or_else(|_| Json::from_value(&Value::String(text.into_owned())));
    let written = json.as_str().to_owned();
    let mut report = Report::not_started(Outcome::Returned(json));
    report.logs.text.clone_from(&written);
    for preview_tokens in [200, 2_000] {
        let answer = render(&report, AnswerRoom { bytes: 4_000, preview_tokens }).text;
        assert!(answer.len() <= 2 * (4_000 + FRAME_BYTES), "{} bytes of {}", answer.len(), written.len());
    }
    report.logs.text.clear();
    assert_eq!(render(&report, AnswerRoom::UNLIMITED).text, written);
}
