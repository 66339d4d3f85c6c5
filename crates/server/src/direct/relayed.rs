//! What servers answered, in the types in which clients are answered.

use exuvia_gateway::{DirectAnswer, answer};
use exuvia_tool::{Json, ToolName};
use exuvia_upstream::{Relayed, ResultKind};
use rmcp::ErrorData;
use rmcp::model::{
    CallToolResponse, CallToolResult, CompleteResult, ContentBlock, ErrorCode, GetPromptResult, InputRequiredResult,
    ReadResourceResult, ResultType,
};
use serde::de::DeserializeOwned;
use serde_json::json;

/// What may come instead of a result, of its kind.
pub(super) enum Answered<T> {
    Complete(T),
    Asks(InputRequiredResult),
}

/// A result that says that it is complete.
pub(super) trait Complete: DeserializeOwned {
    fn result_type(&mut self) -> &mut Option<ResultType>;
}

macro_rules! complete {
    ($($result:ty),*) => {$(
        impl Complete for $result {
            fn result_type(&mut self) -> &mut Option<ResultType> {
                &mut self.result_type
            }
        }
    )*};
}

complete!(CallToolResult, CompleteResult, GetPromptResult, ReadResourceResult);

/// Reads a result. What its kind does not lead one to expect is none.
pub(super) fn read<T: Complete>(kind: ResultKind, result: &Json) -> Option<Answered<T>> {
    match kind {
        ResultKind::Complete | ResultKind::Failed => complete(result).map(Answered::Complete),
        ResultKind::AsksForInput => serde_json::from_str(result.as_str()).ok().map(Answered::Asks),
        ResultKind::Task | ResultKind::Unknown => None,
    }
}

/// Reads a complete result, as text: from a tree rmcp's types refuse some numbers.
pub(super) fn complete<T: Complete>(result: &Json) -> Option<T> {
    let mut result: T = serde_json::from_str(result.as_str()).ok()?;
    // The older era does not say it, and rmcp takes it out for clients of that.
    result.result_type().get_or_insert(ResultType::COMPLETE);
    Some(result)
}

/// The result of a call.
pub(super) fn call_result(tool: &ToolName, kind: ResultKind, result: &Json) -> CallToolResponse {
    match read::<CallToolResult>(kind, result) {
        Some(Answered::Complete(result)) => result.into(),
        Some(Answered::Asks(result)) => result.into(),
        None => failure(&format!("{tool} answered with a result that this gateway cannot hand on")),
    }
}

/// What a client is told of a call that has no result.
///
/// # Errors
///
/// The server's own error, as it was.
pub(super) fn unanswered(answer: DirectAnswer) -> Result<CallToolResponse, ErrorData> {
    match answer {
        DirectAnswer::Failed(error) => Ok(failure(&error.to_string())),
        DirectAnswer::Held(held) => Ok(failure(&answer::awaiting(std::slice::from_ref(&held)))),
        DirectAnswer::Relayed(_) => Err(error(answer)),
    }
}

/// The same for what is no call: the server's own error, or why there is no answer.
pub(super) fn error(answer: DirectAnswer) -> ErrorData {
    match answer {
        DirectAnswer::Relayed(Relayed::Error { code, message, data }) => {
            let code = ErrorCode(i32::try_from(code).unwrap_or(ErrorCode::INTERNAL_ERROR.0));
            ErrorData::new(code, message, data.and_then(|data| data.to_value().ok()))
        }
        DirectAnswer::Failed(error) => ErrorData::internal_error(error.to_string(), None),
        DirectAnswer::Relayed(Relayed::Result(..)) | DirectAnswer::Held(_) => unreadable(),
    }
}

/// The error of a resource that is not there names it in the newer era.
pub(super) fn about(mut error: ErrorData, uri: &str) -> ErrorData {
    if error.code == ErrorCode::RESOURCE_NOT_FOUND && error.data.is_none() {
        error.data = Some(json!({ "uri": uri }));
    }
    error
}

/// A call that did not work, for the model.
pub(super) fn failure(message: &str) -> CallToolResponse {
    CallToolResult::error(vec![ContentBlock::text(exuvia_text::printable(message))]).into()
}

pub(super) fn unreadable() -> ErrorData {
    ErrorData::internal_error("the server answered with a result that this gateway cannot hand on", None)
}
