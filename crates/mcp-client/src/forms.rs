//! The result of a call as some servers write it, in the form that the protocol gives it.
//!
//! | written | taken as |
//! |---|---|
//! | `content`: a text, or texts among the blocks | blocks of text |
//! | `content`: one block | a list of it |
//! | `toolResult`, of the protocol of 2024-10 | structured content |
//! | a value that is no object, or an object with nothing that a result has | structured content; a text is a block |

use exuvia_tool::Json;
use exuvia_tool::raw::{self, Part};

/// The longest value that is repeated as a text, for clients that read no structured content.
const TEXT_BYTES: usize = 64 * 1024;

/// What a result says, as written.
#[derive(Debug, Default)]
pub(crate) struct Parts<'a> {
    pub(crate) content: Option<Part<'a>>,
    /// `null` counts as none.
    pub(crate) structured: Option<Part<'a>>,
    pub(crate) is_error: bool,
    /// `resultType`.
    pub(crate) kind: Option<String>,
    tool_result: Option<&'a str>,
    /// It has members that no result has.
    has_others: bool,
}

impl<'a> Parts<'a> {
    /// Takes a result apart.
    pub(crate) fn of(result: &'a str) -> Self {
        let mut parts = Self::default();
        for (key, part) in raw::parts(result) {
            let value = part.as_str();
            match key.as_str() {
                "structuredContent" => parts.structured = Some(part).filter(|_| value != "null"),
                "content" => parts.content = Some(part).filter(|_| value != "null"),
                "isError" => parts.is_error = matches!(value, "true" | "\"true\""),
                "resultType" if value != "null" => {
                    parts.kind = Some(serde_json::from_str::<String>(value).unwrap_or_default());
                }
                "toolResult" => parts.tool_result = Some(value).filter(|&value| value != "null"),
                "_meta" | "resultType" => {}
                _ => parts.has_others = true,
            }
        }
        parts
    }

    /// The result in its usual form, unless it has that.
    pub(crate) fn usual(&self, result: &str) -> Option<String> {
        if self.kind.as_deref().is_some_and(|kind| kind != "complete") {
            return None;
        }
        if !result.starts_with('{') {
            return Some(of_value(result, self.is_error));
        }
        let content = match (self.content, self.structured, self.tool_result) {
            (Some(content), ..) => blocks(content.as_str())?,
            (None, None, Some(value)) => return Some(of_value(value, self.is_error)),
            (None, None, None) if self.has_others && !self.is_error && self.kind.is_none() => {
                return Some(of_value(result, false));
            }
            _ => return None,
        };
        let structured =
            self.structured.map_or_else(String::new, |part| format!(",\"structuredContent\":{}", part.as_str()));
        Some(format!("{{\"content\":{content}{structured},\"isError\":{}}}", self.is_error))
    }
}

/// The blocks that a content means, unless it is a list of blocks.
fn blocks(content: &str) -> Option<String> {
    match content.as_bytes().first()? {
        b'[' if !content[1..].trim_start().starts_with('"') => None,
        b'[' => {
            let element = |element| if is_text(element) { block(element) } else { String::from(element) };
            let blocks: Vec<String> = raw::elements(content).map(element).collect();
            Some(format!("[{}]", blocks.join(",")))
        }
        b'{' => Some(format!("[{content}]")),
        b'"' => Some(format!("[{}]", block(content))),
        _ => Some(format!("[{}]", block(&quoted(content)))),
    }
}

/// The result that has this value.
fn of_value(value: &str, is_error: bool) -> String {
    let is_blocks = |mut elements: raw::Elements<'_>| {
        elements.next().is_some_and(|first| raw::member(first, "type").is_some_and(is_text))
    };
    if value.starts_with('[') && is_blocks(raw::elements(value)) {
        return format!("{{\"content\":{value},\"isError\":{is_error}}}");
    }
    if value == "null" {
        return format!("{{\"content\":[],\"isError\":{is_error}}}");
    }
    if is_text(value) {
        return format!("{{\"content\":[{}],\"isError\":{is_error}}}", block(value));
    }
    let text = if value.len() > TEXT_BYTES { String::new() } else { block(&quoted(value)) };
    format!("{{\"content\":[{text}],\"structuredContent\":{value},\"isError\":{is_error}}}")
}

fn is_text(value: &str) -> bool {
    value.starts_with('"')
}

/// A value as a text.
fn quoted(value: &str) -> String {
    Json::from_value(&value.into()).into_string()
}

fn block(text: &str) -> String {
    format!("{{\"type\":\"text\",\"text\":{text}}}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usual(result: &str) -> Option<String> {
        Parts::of(result).usual(result)
    }

    #[test]
    fn a_result_in_the_form_of_the_protocol_is_unchanged() {
        for result in [
            r#"{"content":[{"type":"text","text":"x"}]}"#,
            r#"{"content":[],"structuredContent":{"a":1},"isError":false,"_meta":{}}"#,
            r#"{"structuredContent":[1]}"#,
            "{}",
            r#"{"_meta":{},"resultType":"complete"}"#,
            r#"{"isError":true,"why":"?"}"#,
            r#"{"resultType":"complete","ttlMs":0}"#,
            r#"{"resultType":"input_required","inputRequests":{}}"#,
        ] {
            assert_eq!(usual(result), None, "{result}");
        }
    }

    #[test]
    fn content_may_be_a_text_or_a_block() {
        let text = r#"{"content":[{"type":"text","text":"x\n"}],"isError":true}"#;
        assert_eq!(usual(r#"{"content":"x\n","isError":true}"#).unwrap(), text);
        assert_eq!(usual(r#"{"content":["x\n"],"isError":"true"}"#).unwrap(), text);
        assert_eq!(usual(r#"{"content":{"type":"text","text":"x\n"},"isError":true}"#).unwrap(), text);
        let mixed =
            r#"{"content":[{"type":"text","text":"x"},{"type":"image"}],"structuredContent":{"a":1},"isError":false}"#;
        assert_eq!(usual(r#"{"content":["x",{"type":"image"}],"structuredContent":{"a":1}}"#).unwrap(), mixed);
        assert_eq!(usual(r#"{"content":7}"#).unwrap(), r#"{"content":[{"type":"text","text":"7"}],"isError":false}"#);
    }

    #[test]
    fn a_result_may_be_the_value() {
        let value =
            r#"{"content":[{"type":"text","text":"{\"a\":1.50}"}],"structuredContent":{"a":1.50},"isError":false}"#;
        assert_eq!(usual(r#"{"a":1.50}"#).unwrap(), value);
        assert_eq!(usual(r#"{"toolResult":{"a":1.50}}"#).unwrap(), value);
        assert_eq!(usual("\"x\"").unwrap(), r#"{"content":[{"type":"text","text":"x"}],"isError":false}"#);
        assert_eq!(usual("null").unwrap(), r#"{"content":[],"isError":false}"#);
        let blocks = r#"[{"type":"text","text":"x"}]"#;
        assert_eq!(usual(blocks).unwrap(), format!(r#"{{"content":{blocks},"isError":false}}"#));
        assert!(usual("[1,2]").unwrap().contains(r#""structuredContent":[1,2]"#));
        let long = format!("[\"{}\"]", "x".repeat(TEXT_BYTES));
        assert!(usual(&long).unwrap().starts_with(r#"{"content":[],"#));
    }
}
