//! Results of servers, in the types in which clients are answered.

use exuvia_gateway::{DirectAnswer, answer};
use exuvia_mcp_client::{Relayed, ResultKind};
use exuvia_tool::{CallError, Json, ToolName, raw};
use rmcp::ErrorData;
use rmcp::model::{
    CacheScope, CallToolResponse, CallToolResult, CompleteResult, ContentBlock, ErrorCode, GetPromptResult,
    InputRequiredResult, MetaObject, ReadResourceResult, ResultType,
};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::repair::Repair;
use crate::mcp_handler::EXHAUSTED_KEY;

/// The memory that a result may take in rmcp's types beyond that of its text, as the estimate for a tree has it. Structured
/// content does not count: it becomes no tree.
const RESULT_TREE_BYTES: usize = 16 << 20;
/// What holds the structured content of a call's result.
const STRUCTURED: &str = "structuredContent";
/// Structured content up to this length is read with the rest.
const SHORT_BYTES: usize = 4 * 1024;

/// What may come instead of a result, of its kind.
pub(super) enum DirectResult<T> {
    Complete(T),
    Asks(InputRequiredResult),
}

/// A result that says that it is complete.
pub(super) trait Complete: DeserializeOwned + Repair {
    fn result_type(&mut self) -> &mut Option<ResultType>;

    /// Takes back what its server says to all and what is for one client.
    fn restrict(&mut self) {}
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

complete!(CallToolResult, CompleteResult, GetPromptResult);

impl Complete for ReadResourceResult {
    fn result_type(&mut self) -> &mut Option<ResultType> {
        &mut self.result_type
    }

    /// What a server allows everybody is here for those who may read it: a cache between would give it to others.
    fn restrict(&mut self) {
        self.cache_scope = Some(CacheScope::Private);
    }
}

/// Reads a result. What its kind does not lead one to expect is none.
pub(super) fn read<T: Complete>(kind: ResultKind, result: &Json) -> Option<DirectResult<T>> {
    match kind {
        ResultKind::Complete | ResultKind::Failed => complete(result).map(DirectResult::Complete),
        ResultKind::AsksForInput => typed(result).map(DirectResult::Asks),
        ResultKind::Task | ResultKind::Unknown => None,
    }
}

/// Reads a complete result, as text: from a tree rmcp's types refuse some numbers. Of what is not all of their types, or too much,
/// the rest.
pub(super) fn complete<T: Complete>(result: &Json) -> Option<T> {
    typed(result).or_else(|| T::repaired(result.as_str(), RESULT_TREE_BYTES)).map(completed)
}

/// The legacy era has no such field; rmcp removes it for legacy clients.
fn completed<T: Complete>(mut result: T) -> T {
    result.result_type().get_or_insert(ResultType::COMPLETE);
    result.restrict();
    result
}

/// Reads a result, if it does not take too much memory in rmcp's types.
pub(super) fn typed<T: DeserializeOwned>(result: &Json) -> Option<T> {
    if result.extent().tree_bytes > result.size_bytes() + RESULT_TREE_BYTES {
        return None;
    }
    serde_json::from_str(result.as_str()).ok()
}

/// The result of a call, for a client of the modern era or of the legacy era.
pub(super) fn call_result(tool: &ToolName, kind: ResultKind, result: Json, is_modern: bool) -> CallToolResponse {
    let read = match kind {
        ResultKind::Complete | ResultKind::Failed => with_structured_content(result).map(DirectResult::Complete),
        ResultKind::Unknown => CallToolResult::repaired(result.as_str(), RESULT_TREE_BYTES).map(DirectResult::Complete),
        _ => read::<CallToolResult>(kind, &result),
    };
    match read {
        Some(DirectResult::Complete(result)) if is_modern => result.into(),
        Some(DirectResult::Complete(result)) => for_older_era(result).into(),
        Some(DirectResult::Asks(result)) => result.into(),
        None => failure(&format!("{tool} answered with a result that this gateway cannot forward")),
    }
}

/// Reads the result of a call without its structured content, which stays text.
fn with_structured_content(result: Json) -> Option<CallToolResult> {
    let text = result.as_str();
    let Some(content) = raw::member(text, STRUCTURED).filter(|content| content.len() > SHORT_BYTES) else {
        return complete(&result);
    };
    let place = raw::place(text, content);
    let rest = [&text[..place.start], "0", &text[place.end..]].concat();
    let mut read: CallToolResult = complete(&Json::parse(rest).ok()?)?;
    read.structured_content = Some(Json::parse(content).ok()?.into_leaf());
    Some(read)
}

/// In the legacy era structured content is an object. rmcp puts any other into the first block, unless that holds it already,
/// which it finds out by a tree: of a long text that could be anybody's, so that one is compared as it is written.
fn for_older_era(mut result: CallToolResult) -> CallToolResult {
    let Some(first) = result.content.first().and_then(ContentBlock::as_text) else { return result };
    if first.text.len() > SHORT_BYTES
        && let Some(other) = result.structured_content.take_if(|content| !content.is_object())
    {
        let other = other.to_string();
        if first.text != other {
            result.content.insert(0, ContentBlock::text(other));
        }
    }
    result
}

/// The response to a client whose call has no result.
///
/// # Errors
///
/// The server's own error, as it was.
pub(super) fn unanswered(answer: DirectAnswer) -> Result<CallToolResponse, ErrorData> {
    match answer {
        DirectAnswer::Failed(error) => Ok(failed_call(&error)),
        DirectAnswer::Held(held) => Ok(failure(&answer::awaiting(std::slice::from_ref(&held)))),
        DirectAnswer::Relayed(_) => Err(error(answer)),
    }
}

/// The same for what is no call: the server's own error, or why there is no answer.
pub(super) fn error(answer: DirectAnswer) -> ErrorData {
    match answer {
        DirectAnswer::Relayed(Relayed::Error { code, message, data }) => {
            let code = ErrorCode(i32::try_from(code).unwrap_or(ErrorCode::INTERNAL_ERROR.0));
            ErrorData::new(code, message, data.map(Json::into_leaf))
        }
        DirectAnswer::Failed(error) => failed(error),
        DirectAnswer::Held(held) => ErrorData::invalid_request(answer::awaiting(std::slice::from_ref(&held)), None),
        DirectAnswer::Relayed(Relayed::Result(..)) => unreadable(),
    }
}

/// Why there is no answer.
pub(super) fn failed(error: CallError) -> ErrorData {
    let message = exuvia_text::printable(&error.to_string());
    match error {
        CallError::Denied(_) => ErrorData::invalid_request(message, None),
        CallError::Exhausted(exhausted) => {
            ErrorData::invalid_request(message, Some(json!({ EXHAUSTED_KEY: exhausted })))
        }
        _ => ErrorData::internal_error(message, None),
    }
}

/// The error of a resource that is not there names it in the modern era.
pub(super) fn about(mut error: ErrorData, uri: &str) -> ErrorData {
    if error.code == ErrorCode::RESOURCE_NOT_FOUND && error.data.is_none() {
        error.data = Some(json!({ "uri": uri }));
    }
    error
}

/// The same for a call that has no answer. Of a budget that has too little left the client learns more than the model.
fn failed_call(error: &CallError) -> CallToolResponse {
    let mut result = failed_result(&error.to_string());
    if let CallError::Exhausted(exhausted) = error {
        let mut meta = MetaObject::default();
        meta.insert(EXHAUSTED_KEY.into(), json!(exhausted));
        result.meta = Some(meta);
    }
    result.into()
}

/// A call that did not work, for the model.
pub(super) fn failure(message: &str) -> CallToolResponse {
    failed_result(message).into()
}

fn failed_result(message: &str) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(exuvia_text::printable(message))])
}

pub(super) fn unreadable() -> ErrorData {
    ErrorData::internal_error("the server answered with a result that this gateway cannot forward", None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structured_content_that_the_older_era_does_not_know_becomes_a_block_without_a_tree_of_a_long_text() {
        let long = format!("[{}]", vec!["0"; SHORT_BYTES].join(","));
        let tool = ToolName::new("crm", "get");
        for (text, structured, blocks, is_kept) in [
            (long.as_str(), long.as_str(), 1, false),
            (long.as_str(), "[1]", 2, false),
            // Left to rmcp.
            ("[1]", "[1]", 1, true),
            (long.as_str(), r#"{"a":1}"#, 1, true),
        ] {
            let result =
                format!(r#"{{"content":[{{"type":"text","text":"{text}"}}],"structuredContent":{structured}}}"#);
            let result = call_result(&tool, ResultKind::Complete, Json::parse(result).unwrap(), false);
            let CallToolResponse::Complete(result) = result else { panic!("{result:?}") };
            assert_eq!(
                (result.content.len(), result.structured_content.is_some()),
                (blocks, is_kept),
                "{structured:.9}"
            );
            let first = result.content[0].as_text().map(|first| first.text.as_str());
            assert_eq!(first, Some(if blocks == 2 { structured } else { text }));
        }
    }
}
