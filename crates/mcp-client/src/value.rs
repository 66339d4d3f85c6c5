//! The value that a script sees, from the result of a tool.
//!
//! | the result has | the value is |
//! |---|---|
//! | `structuredContent` | that; unboxed from `{"result": ..}` if the [tool's is](exuvia_tool::ToolDescriptor::is_boxed); if it is a text, read as one |
//! | `structuredContent`, not boxed and no number, beside content that [says more](crate::content) | that, [with the content beside it](Json::beside) |
//! | `structuredContent`, an object, beside blocks that are no text | that, not unboxed, with the blocks as a further member `content` |
//! | one text | the object or list that the whole of it is as JSON, else the text |
//! | several texts | the list of what they are, if each is an object or a list as JSON; else one text, joined by newlines |
//! | other blocks (image, audio, resource, link), alone or mixed with text | the list of blocks, as they were sent |
//! | no blocks | `null` |
//! | another form than the protocol's | what [`forms`](crate::forms) takes it for |
//!
//! Values are cut out of the answer as they were written: integers of any size and all digits survive. A
//! `structuredContent` of `null` counts as none.

use exuvia_tool::raw::{self, Part};
use exuvia_tool::{CallError, Json, JsonError, JsonErrorKind, MAX_DEPTH, ToolName, ToolOutcome};

use crate::blocks::{Blocks, parsed, texts_value};
use crate::content::says_more;
use crate::forms::Parts;

/// The types of blocks that are no text, or how they begin.
const OTHER_BLOCKS: [&str; 3] = ["image", "audio", "resource"];
/// The member that holds them beside a structure.
const CONTENT: &str = "content";

/// Reads the result of a `tools/call`.
///
/// # Errors
///
/// The tool reported a failure or asked for input, the value is larger than `limit_bytes`, or the result is none.
pub(crate) fn outcome(result: &str, tool: &ToolName, boxed: bool, limit_bytes: u64) -> ToolOutcome {
    let parts = Parts::of(result);
    match parts.kind.as_deref() {
        None | Some("complete") => {}
        Some("input_required") => return Err(asked_for_input(tool, "input")),
        Some(_) => return unreadable(tool, "a task to poll instead of a result, which is not supported"),
    }
    match parts.usual(result) {
        Some(usual) => tool_value(Parts::of(&usual), tool, boxed, limit_bytes),
        None => tool_value(parts, tool, boxed, limit_bytes),
    }
}

fn tool_value(parts: Parts<'_>, tool: &ToolName, boxed: bool, limit_bytes: u64) -> ToolOutcome {
    let Parts { content, structured, is_error, .. } = parts;
    let value = match structured.filter(|_| !is_error) {
        Some(value) => match other_blocks(content).and_then(|blocks| with_blocks(value, &blocks)) {
            Some(whole) => Json::parse(whole),
            None if boxed => structured_value(unboxed(value, boxed)),
            None => structured_value(value).map(|value| with_content(value, content, limit_bytes)),
        },
        None => {
            let Ok(blocks) = Blocks::read(content) else {
                return unreadable(tool, "content that cannot be read");
            };
            if is_error {
                let data = structured.filter(|data| data.as_str().len() as u64 <= limit_bytes);
                let data = data.and_then(|data| within(data).ok());
                return Err(CallError::ToolFailed { message: blocks.message(tool), data });
            }
            match blocks {
                Blocks::Text(texts) => Ok(texts_value(texts)),
                Blocks::Other(blocks) => within(blocks),
                Blocks::None => Json::parse("null"),
            }
        }
    };
    match value {
        Ok(value) => bounded(value, limit_bytes),
        Err(error) if error.kind() == JsonErrorKind::TooDeep => unreadable(tool, "a value that nests too deep"),
        Err(_) => unreadable(tool, "a value that cannot be read"),
    }
}

/// A value that is a part of a result, which may itself nest no deeper than any value.
fn within(part: Part<'_>) -> Result<Json, JsonError> {
    let value = Json::from_part(part)?;
    if value.extent().depth < MAX_DEPTH { Ok(value) } else { Err(JsonErrorKind::TooDeep.into()) }
}

fn unreadable(tool: &ToolName, what: &str) -> ToolOutcome {
    Err(CallError::UpstreamUnavailable(format!("{tool} answered with {what}")))
}

/// The failure of a call whose server wants something from the user first.
pub(crate) fn asked_for_input(tool: &ToolName, what: &str) -> CallError {
    CallError::ToolFailed {
        message: format!("{tool} asked the user for {what} before it answers, and got no answer"),
        data: None,
    }
}

/// The failure of a value that is too large.
pub(crate) fn too_large(allowed: u64, used: u64) -> CallError {
    CallError::LimitReached { limit: "call_result_bytes".to_owned(), allowed, used }
}

fn bounded(value: Json, limit_bytes: u64) -> ToolOutcome {
    let used = value.size_bytes() as u64;
    if used > limit_bytes { Err(too_large(limit_bytes, used)) } else { Ok(value) }
}

fn unboxed(value: Part<'_>, boxed: bool) -> Part<'_> {
    if boxed { value.member("result").unwrap_or(value) } else { value }
}

/// Structured content, which says what a text says if it is one.
fn structured_value(value: Part<'_>) -> Result<Json, JsonError> {
    let whole = within(value)?;
    if !whole.as_str().starts_with('"') {
        return Ok(whole);
    }
    let text = serde_json::from_str::<String>(whole.as_str()).ok();
    Ok(text.and_then(|text| parsed(&text)).unwrap_or(whole))
}

/// The blocks that are no text, beside structured content.
fn other_blocks(content: Option<Part<'_>>) -> Option<String> {
    let content = content?.as_str();
    // A look for the words costs a fraction of what reading the text costs.
    if !OTHER_BLOCKS.iter().any(|kind| content.contains(kind)) {
        return None;
    }
    let is_other = |block: &&str| {
        raw::member(block, "type").is_some_and(|kind| OTHER_BLOCKS.iter().any(|other| kind.contains(other)))
    };
    let blocks: Vec<&str> = raw::elements(content).filter(is_other).collect();
    (!blocks.is_empty()).then(|| format!("[{}]", blocks.join(",")))
}

/// An object with one more member, if it has none of this name.
fn with_blocks(object: Part<'_>, blocks: &str) -> Option<String> {
    let text = object.as_str().trim_end();
    let inside = text.strip_suffix('}')?;
    if object.member(CONTENT).is_some() {
        return None;
    }
    let comma = if raw::members(text).next().is_some() { "," } else { "" };
    Some(format!("{inside}{comma}\"{CONTENT}\":{blocks}}}"))
}

/// A structure with the content of its result, if that says more and both are no larger than a value may be. Numbers have no
/// room for it in scripts.
fn with_content(value: Json, content: Option<Part<'_>>, limit_bytes: u64) -> Json {
    let has_room = value.as_str().starts_with(['{', '[', '"']);
    let more = content.filter(|content| has_room && says_more(&value, *content));
    let both = more.and_then(|content| value.beside(content).ok());
    both.filter(|both| both.size_bytes() as u64 <= limit_bytes).unwrap_or(value)
}
