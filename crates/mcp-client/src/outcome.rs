//! The outcome of a call, from the server's response.

use exuvia_tool::{CallError, Json, ToolName, ToolOutcome, raw};

use crate::blocks::cut;
use crate::error_code::URL_ELICITATION_REQUIRED;
use crate::exchange::{RawSlice, ServerAnswer, SlotContents};
use crate::forms::Parts;
use crate::question::UNCERTAIN;
use crate::relay::{Relayed, ResultKind};
use crate::value::{asked_for_input, outcome as value, too_large};

/// How long the text is that is to be read.
pub fn text_bytes(contents: &SlotContents) -> usize {
    match &contents.answer {
        Some(ServerAnswer::Result(result)) => result.as_str().len(),
        _ => 0,
    }
}

/// Reads an answer. `boxed`: the tool's value comes in a box. `message_bytes`: what was read of a message at most.
pub fn outcome(
    contents: SlotContents,
    name: &ToolName,
    boxed: bool,
    result_bytes: u64,
    message_bytes: usize,
) -> ToolOutcome {
    let outcome = match contents.answer {
        Some(ServerAnswer::Result(result)) => value(result.as_str(), name, boxed, result_bytes),
        Some(ServerAnswer::Error { code: URL_ELICITATION_REQUIRED, .. }) => {
            Err(asked_for_input(name, "a visit to a web page"))
        }
        Some(ServerAnswer::Error { message, data, .. }) => {
            let data = data.filter(|data| data.size_bytes() as u64 <= result_bytes);
            Err(CallError::ToolFailed { message: cut(message), data })
        }
        Some(ServerAnswer::Oversized { bytes }) => Err(too_large(result_bytes.min(message_bytes as u64), bytes)),
        Some(ServerAnswer::Failed(failure)) => Err(failure.of_call(name)),
        Some(ServerAnswer::Unreadable(what)) => {
            Err(CallError::UpstreamUnavailable(format!("{name} answered with {what}")))
        }
        None => Err(CallError::UpstreamUnavailable(format!("{name} was not answered"))),
    };
    match (outcome, contents.asked.filter(|_| !contents.is_answered)) {
        // It asked, we declined, it failed: the one explains the other.
        (Err(CallError::ToolFailed { message, data }), Some(method)) => {
            let CallError::ToolFailed { message: asked, .. } = asked_for_input(name, wanted(&method)) else {
                return Err(CallError::ToolFailed { message, data });
            };
            Err(CallError::ToolFailed { message: format!("{asked}. It said: {message}"), data })
        }
        (outcome, _) => outcome,
    }
}

/// Reads an answer that is handed through. `is_call`: that of a tool.
pub fn relayed(
    contents: SlotContents,
    name: &ToolName,
    is_call: bool,
    result_bytes: u64,
    message_bytes: usize,
) -> Result<Relayed, CallError> {
    let is_unasked = contents.doubt.is_some() && contents.asked.is_some();
    match contents.answer {
        Some(ServerAnswer::Result(result)) if result.as_str().len() as u64 > result_bytes => {
            Err(too_large(result_bytes, result.as_str().len() as u64))
        }
        Some(ServerAnswer::Result(result)) => Json::parse(usual(result, is_call))
            .map(|result| as_written(if is_unasked { with_reason(result) } else { result }))
            .map_err(|_| CallError::UpstreamUnavailable(format!("{name} answered with a value that cannot be read"))),
        Some(ServerAnswer::Error { code, message, data }) => {
            let message = if is_unasked { format!("{UNCERTAIN}. It said: {message}") } else { message };
            Ok(Relayed::Error { code, message: cut(message), data })
        }
        answer => {
            match outcome(SlotContents { answer, ..SlotContents::default() }, name, false, result_bytes, message_bytes)
            {
                Ok(value) => Ok(as_written(value)),
                Err(error) => Err(error),
            }
        }
    }
}

/// The error that an answer is, if it is one.
pub fn refusal(answer: ServerAnswer) -> Option<Relayed> {
    let ServerAnswer::Error { code, message, data } = answer else { return None };
    Some(Relayed::Error { code, message: cut(message), data })
}

/// A result as it was written, unless a client would not know the form.
fn usual(result: RawSlice, is_call: bool) -> String {
    let usual = is_call.then(|| Parts::of(result.as_str()).usual(result.as_str())).flatten();
    usual.unwrap_or_else(|| result.into_string())
}

/// A tool failure after a declined question, with the reason before the server's text: the one explains the other.
fn with_reason(result: Json) -> Json {
    let text = result.as_str();
    let content = raw::member(text, "content").filter(|content| content.starts_with('['));
    let Some(content) = content.filter(|_| ResultKind::of(&result) == ResultKind::Failed) else { return result };
    let begun = raw::place(text, content).start + 1;
    let comma = if content[1..].trim_start().starts_with(']') { "" } else { "," };
    let told = format!(r#"{}{{"type":"text","text":"{UNCERTAIN}"}}{comma}{}"#, &text[..begun], &text[begun..]);
    Json::parse(told).unwrap_or(result)
}

fn as_written(result: Json) -> Relayed {
    Relayed::Result(ResultKind::of(&result), result)
}

fn wanted(method: &str) -> &'static str {
    match method {
        "sampling/createMessage" => "a completion of a language model",
        _ => "input",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_tool_whose_question_was_declined_says_why() {
        let told = |result: &str| with_reason(Json::parse(result).unwrap()).as_str().to_owned();
        let reason = format!(r#"{{"type":"text","text":"{UNCERTAIN}"}}"#);
        assert_eq!(
            told(r#"{"content":[{"type":"text","text":"no"}],"isError":true}"#),
            format!(r#"{{"content":[{reason},{{"type":"text","text":"no"}}],"isError":true}}"#)
        );
        assert_eq!(told(r#"{"isError":true,"content":[]}"#), format!(r#"{{"isError":true,"content":[{reason}]}}"#));
        for other in [r#"{"content":[]}"#, r#"{"isError":true}"#] {
            assert_eq!(told(other), other);
        }
    }
}
