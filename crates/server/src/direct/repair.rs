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
        let mut content: Vec<ContentBlock> =
            raw::elements(raw::member(result, "content").unwrap_or("[]")).map(|it| block(it, &mut room)).collect();
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
        let messages = raw::elements(raw::member(result, "messages")?).map(|message| {
            let is_answer = raw::member(message, "role") == Some("\"assistant\"");
            let role = if is_answer { Role::Assistant } else { Role::User };
            PromptMessage::new(role, block(raw::member(message, "content").unwrap_or(message), &mut room))
        });
        let mut repaired = Self::new(messages.collect());
        repaired.description = raw::member(result, "description").and_then(|text| serde_json::from_str(text).ok());
        repaired.meta = meta(result);
        Some(repaired)
    }
}

impl Repair for ReadResourceResult {
    fn repaired(result: &str, mut room: usize) -> Option<Self> {
        let contents = raw::elements(raw::member(result, "contents")?).map(|part| contents(part, &mut room));
        let mut repaired = Self::new(contents.collect());
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

/// Reserves memory for the tree of a part, if there is enough.
fn fits(part: &str, room: &mut usize) -> bool {
    let bytes = Extent::of(part).map_or(usize::MAX, |extent| extent.tree_bytes);
    let fits = bytes <= *room;
    if fits {
        *room -= bytes;
    }
    fits
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
    read.unwrap_or_else(|| {
        let uri = raw::member(part, "uri").and_then(|uri| serde_json::from_str::<String>(uri).ok());
        ResourceContents::text(instead("a part that is neither text nor blob", part), uri.unwrap_or_default())
    })
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
