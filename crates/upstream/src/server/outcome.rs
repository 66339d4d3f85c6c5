//! From what a server answered to the outcome of the call.

use exuvia_tool::{CallError, Json, ToolName, ToolOutcome};

use crate::exchange::{Answer, Filled};
use crate::relay::{Relayed, ResultKind};
use crate::value::{asked_for_input, cut, outcome as value, too_large};

/// The error code by which servers of the older protocol ask for a visit to a web page.
const URL_ELICITATION_REQUIRED: i64 = -32042;

/// How long the text is that is to be read.
pub(crate) fn text_bytes(filled: &Filled) -> usize {
    match &filled.answer {
        Some(Answer::Result(result)) => result.as_str().len(),
        _ => 0,
    }
}

/// Reads an answer. `boxed`: the tool's value comes in a box. `message_bytes`: what was read of a message at most.
pub(crate) fn outcome(
    filled: Filled,
    name: &ToolName,
    boxed: bool,
    result_bytes: u64,
    message_bytes: usize,
) -> ToolOutcome {
    let outcome = match filled.answer {
        Some(Answer::Result(result)) => value(result.as_str(), name, boxed, result_bytes),
        Some(Answer::Error { code: URL_ELICITATION_REQUIRED, .. }) => {
            Err(asked_for_input(name, "a visit to a web page"))
        }
        Some(Answer::Error { message, data, .. }) => {
            let data = data.filter(|data| data.size_bytes() as u64 <= result_bytes);
            Err(CallError::ToolFailed { message: cut(message), data })
        }
        Some(Answer::Oversized { bytes }) => Err(too_large(result_bytes.min(message_bytes as u64), bytes)),
        Some(Answer::Failed(failure)) => Err(failure.of_call(name)),
        Some(Answer::Unreadable(what)) => Err(CallError::UpstreamUnavailable(format!("{name} answered with {what}"))),
        None => Err(CallError::UpstreamUnavailable(format!("{name} was not answered"))),
    };
    match (outcome, filled.asked) {
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

/// Reads an answer that is handed through.
pub(crate) fn relayed(
    filled: Filled,
    name: &ToolName,
    result_bytes: u64,
    message_bytes: usize,
) -> Result<Relayed, CallError> {
    match filled.answer {
        Some(Answer::Result(result)) if result.as_str().len() as u64 > result_bytes => {
            Err(too_large(result_bytes, result.as_str().len() as u64))
        }
        Some(Answer::Result(result)) => Json::parse(result.into_string())
            .map(as_written)
            .map_err(|_| CallError::UpstreamUnavailable(format!("{name} answered with a value that cannot be read"))),
        Some(Answer::Error { code, message, data }) => Ok(Relayed::Error { code, message: cut(message), data }),
        answer => match outcome(Filled { answer, ..Filled::default() }, name, false, result_bytes, message_bytes) {
            Ok(value) => Ok(as_written(value)),
            Err(error) => Err(error),
        },
    }
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
