//! Repairs results that violate the protocol slightly. The call has already had its effect: one content block of an unknown
//! kind, or a flag written as a string, must not lose the rest of the result.

use exuvia_text::quoted;
use exuvia_tool::{Extent, Json, raw};
use rmcp::model::{
    CallToolResult, CompleteResult, ContentBlock, GetPromptResult, MetaObject, PromptMessage, ReadResourceResult,
    ResourceContents, Role,
};

use super::lenient::lenient;

/// The longest block that is repeated as a text because it is of no kind that clients can be given.
const BLOCK_BYTES: usize = 64 << 10;
/// What a part takes in rmcp's types beside its own values, and in its answer where another text stands in its place.
const PART_BYTES: usize = 512;
/// How much of a name is repeated, in characters.
const NAME_CHARS: usize = 40;

/// A result that can be made one of the protocol, of which not everything is of its types.
pub(super) trait Repair: Sized {
    /// What can be handed on of a result, in the memory that its tree may take. `None`: nothing.
    fn repaired(result: &str, tree_bytes: usize) -> Option<Self>;
}

impl Repair for CallToolResult {
    fn repaired(result: &str, mut room: usize) -> Option<Self> {
        result.trim_start().strip_prefix('{')?;
        let content = raw::elements(raw::member(result, "content").unwrap_or("[]"));
        let mut content = parts(content, &mut room, block, ContentBlock::text);
        if let Some(kind) = raw::member(result, "resultType").filter(|kind| !matches!(*kind, "\"complete\"" | "null")) {
            let told = format!("[result of unknown type {}]", shown(kind));
            content.insert(0, ContentBlock::text(told));
        }
        let is_error = matches!(raw::member(result, "isError"), Some("true" | "\"true\""));
        let mut repaired = if is_error { Self::error(content) } else { Self::success(content) };
        let structured = raw::member(result, "structuredContent").and_then(|content| Json::parse(content).ok());
        repaired.structured_content = structured.map(Json::into_leaf);
        repaired.meta = meta(result);
        Some(repaired)
    }
}

impl Repair for GetPromptResult {
    fn repaired(result: &str, mut room: usize) -> Option<Self> {
        let messages = raw::elements(raw::member(result, "messages")?);
        let note = |text| PromptMessage::new(Role::User, ContentBlock::text(text));
        let mut repaired = Self::new(parts(messages, &mut room, message, note));
        repaired.description = raw::member(result, "description").and_then(|text| serde_json::from_str(text).ok());
        repaired.meta = meta(result);
        Some(repaired)
    }
}

impl Repair for ReadResourceResult {
    fn repaired(result: &str, mut room: usize) -> Option<Self> {
        let mut elements = raw::elements(raw::member(result, "contents")?).peekable();
        let uri = elements.peek().map(|first| uri(first)).unwrap_or_default();
        let note = |text| ResourceContents::text(text, uri);
        let mut repaired = Self::new(parts(elements, &mut room, contents, note));
        repaired.meta = meta(result);
        Some(repaired)
    }
}

impl Repair for CompleteResult {
    fn repaired(_: &str, _: usize) -> Option<Self> {
        None
    }
}

fn meta(result: &str) -> Option<MetaObject> {
    serde_json::from_str(raw::member(result, "_meta")?).ok()
}

/// A value of a server for a line of ours.
fn shown(value: &str) -> String {
    quoted(&serde_json::from_str::<String>(value).unwrap_or_else(|_| value.to_owned()), NAME_CHARS)
}

/// Reserves so many bytes, if there are enough.
fn reserve(bytes: usize, room: &mut usize) -> bool {
    let fits = bytes <= *room;
    if fits {
        *room -= bytes;
    }
    fits
}

/// Reserves memory for the tree of a part, if there is enough.
fn fits(part: &str, room: &mut usize) -> bool {
    reserve(Extent::of(part).map_or(usize::MAX, |extent| extent.tree_bytes), room)
}

/// Reads as many parts as there is memory for. A note stands for the rest.
fn parts<'a, T>(
    elements: impl Iterator<Item = &'a str>,
    room: &mut usize,
    read: fn(&str, &mut usize) -> T,
    note: impl FnOnce(String) -> T,
) -> Vec<T> {
    let mut read_parts = Vec::new();
    let mut omitted = 0_usize;
    for element in elements {
        if reserve(PART_BYTES, room) {
            read_parts.push(read(element, room));
        } else {
            omitted += 1;
        }
    }
    if omitted > 0 {
        read_parts.push(note(format!("[{omitted} further parts are omitted: this gateway cannot forward so many]")));
    }
    read_parts
}

fn message(text: &str, room: &mut usize) -> PromptMessage {
    let is_answer = raw::member(text, "role") == Some("\"assistant\"");
    let role = if is_answer { Role::Assistant } else { Role::User };
    PromptMessage::new(role, block(raw::member(text, "content").unwrap_or(text), room))
}

/// A block, or a text with what it is.
fn block(text: &str, room: &mut usize) -> ContentBlock {
    if text.starts_with('"')
        && fits(text, room)
        && let Ok(said) = serde_json::from_str::<String>(text)
    {
        return ContentBlock::text(said);
    }
    let kind = raw::member(text, "type").unwrap_or("null");
    let needed: &[(&str, &str)] = match kind {
        "\"text\"" => &[("type", "\"text\""), ("text", "\"\"")],
        "\"image\"" => &[("type", "\"image\""), ("data", "\"\""), ("mimeType", "\"\"")],
        "\"audio\"" => &[("type", "\"audio\""), ("data", "\"\""), ("mimeType", "\"\"")],
        "\"resource\"" => &[("type", "\"resource\""), ("resource", r#"{"uri":"","text":""}"#)],
        "\"resource_link\"" => &[("type", "\"resource_link\""), ("uri", "\"\""), ("name", "\"\"")],
        _ => &[],
    };
    let read = if !needed.is_empty() && fits(text, room) { lenient(text, needed) } else { None };
    read.unwrap_or_else(|| ContentBlock::text(instead(&format!("a block of the type {}", shown(kind)), text)))
}

fn contents(part: &str, room: &mut usize) -> ResourceContents {
    let needed: &[(&str, &str)] = match raw::member(part, "blob") {
        Some(_) => &[("uri", "\"\""), ("blob", "\"\"")],
        None => &[("uri", "\"\""), ("text", "\"\"")],
    };
    let read = if fits(part, room) { lenient(part, needed) } else { None };
    read.unwrap_or_else(|| ResourceContents::text(instead("a part that is neither text nor blob", part), uri(part)))
}

/// The address of a part; empty where it has none.
fn uri(part: &str) -> String {
    raw::member(part, "uri").and_then(|uri| serde_json::from_str(uri).ok()).unwrap_or_default()
}

/// What stands in the place of a part that clients cannot be given.
fn instead(what: &str, part: &str) -> String {
    if part.len() > BLOCK_BYTES {
        return format!("[{what}, {} bytes long, is omitted: this gateway cannot forward it]", part.len());
    }
    format!("[{what}, which this gateway cannot forward; as the server sent it:]\n{part}")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ROOM: usize = 1 << 20;

    fn call(result: &str) -> Value {
        serde_json::to_value(CallToolResult::repaired(result, ROOM).unwrap()).unwrap()
    }

    #[test]
    fn one_block_that_nobody_knows_leaves_the_others() {
        let repaired = call(
            r#"{"content":[{"type":"text","text":"a","annotations":7},{"type":"chart","data":[1.50]},7,
            {"type":"image","data":"AA==","mimeType":"image/png","_meta":[]}],"isError":"true","_meta":"x"}"#,
        );
        assert_eq!(repaired["content"][0], json!({"type": "text", "text": "a"}));
        let chart = repaired["content"][1]["text"].as_str().unwrap();
        assert!(chart.contains("\"chart\"") && chart.ends_with(r#"{"type":"chart","data":[1.50]}"#), "{chart}");
        assert!(repaired["content"][2]["text"].as_str().unwrap().ends_with("\n7"));
        assert_eq!(repaired["content"][3], json!({"type": "image", "data": "AA==", "mimeType": "image/png"}));
        assert_eq!(repaired["isError"], true);
        assert!(repaired.get("_meta").is_none());
    }

    #[test]
    fn a_block_that_is_too_large_is_replaced_by_a_note() {
        let long = format!(r#"{{"content":[{{"type":"chart","data":"{}"}}]}}"#, "x".repeat(BLOCK_BYTES));
        let text = call(&long)["content"][0]["text"].as_str().unwrap().to_owned();
        assert!(text.contains("bytes long, is omitted") && text.len() < 200, "{text}");
        let ones =
            format!(r#"{{"content":[{{"type":"text","text":"a","_meta":{{"a":[{}1]}}}}]}}"#, "1,".repeat(50_000));
        assert!(call(&ones)["content"][0]["text"].as_str().unwrap().contains("omitted"));
        let kind = call(r#"{"resultType":"later\u202e","content":[]}"#)["content"][0]["text"].clone();
        assert!(kind.as_str().unwrap().contains(r#""later\u{202e}""#), "{kind}");
    }

    #[test]
    fn more_parts_than_there_is_memory_for_are_counted_in_a_note() {
        let many = |element: &str| vec![element; 100_000].join(",");
        let most = ROOM / PART_BYTES;
        let result = call(&format!(r#"{{"content":[{}]}}"#, many(r#"{"type":"text","text":""}"#)));
        let content = result["content"].as_array().unwrap();
        assert!((100..=most + 1).contains(&content.len()), "{}", content.len());
        let omitted = 100_000 - (content.len() - 1);
        assert!(content.last().unwrap()["text"].as_str().unwrap().starts_with(&format!("[{omitted} further parts")));
        let prompt = format!(r#"{{"messages":[{}]}}"#, many("7"));
        let prompt = GetPromptResult::repaired(&prompt, ROOM).unwrap();
        assert_eq!(prompt.messages.len(), most + 1);
        let read = format!(r#"{{"contents":[{}]}}"#, many(r#"{"uri":"a:b","text":""}"#));
        let read = ReadResourceResult::repaired(&read, ROOM).unwrap();
        assert!((100..=most + 1).contains(&read.contents.len()), "{}", read.contents.len());
    }

    #[test]
    fn prompts_and_resources_keep_what_can_be_handed_on() {
        let prompt = r#"{"description":7,"messages":[{"role":"assistant","content":{"type":"chart"}},
            {"role":"system","content":"be kind"},{"role":"user","content":{"type":"text","text":"a"}}]}"#;
        let prompt = serde_json::to_value(GetPromptResult::repaired(prompt, ROOM).unwrap()).unwrap();
        assert_eq!(prompt["messages"][0]["role"], "assistant");
        assert!(prompt["messages"][0]["content"]["text"].as_str().unwrap().contains("chart"));
        assert_eq!(prompt["messages"][1], json!({"role": "user", "content": {"type": "text", "text": "be kind"}}));
        assert_eq!(prompt["messages"][2]["content"]["text"], "a");
        let read = r#"{"contents":[{"uri":"x://a","text":"a","mimeType":7},{"uri":"x://b","lines":["b"]}]}"#;
        let read = serde_json::to_value(ReadResourceResult::repaired(read, ROOM).unwrap()).unwrap();
        assert_eq!(read["contents"][0], json!({"uri": "x://a", "text": "a"}));
        assert_eq!(read["contents"][1]["uri"], "x://b");
        assert!(read["contents"][1]["text"].as_str().unwrap().ends_with(r#"{"uri":"x://b","lines":["b"]}"#));
        assert!(GetPromptResult::repaired("{}", ROOM).is_none() && ReadResourceResult::repaired("7", ROOM).is_none());
    }
}
