//! The content blocks of a result, and what texts among them are.

use exuvia_tool::raw::{self, Part};
use exuvia_tool::{Json, ToolName};

use crate::repair::halves;

/// What a failure says is kept to this length.
const MESSAGE_BYTES: usize = 64 * 1024;

/// The content blocks of a result.
pub(crate) enum Blocks<'a> {
    None,
    /// Nothing but text.
    Text(Vec<String>),
    /// Anything else, as sent.
    Other(Part<'a>),
}

impl<'a> Blocks<'a> {
    pub(crate) fn read(content: Option<Part<'a>>) -> Result<Self, serde_json::Error> {
        let Some(content) = content else { return Ok(Self::None) };
        let mut texts = Vec::new();
        for block in raw::elements(content.as_str()) {
            let is_text = raw::member(block, "type").is_some_and(|kind| kind == "\"text\"");
            let (true, Some(text)) = (is_text, raw::member(block, "text")) else { return Ok(Self::Other(content)) };
            texts.push(serde_json::from_str::<String>(text)?);
        }
        Ok(if texts.is_empty() { Self::None } else { Self::Text(texts) })
    }

    /// What a failed tool says.
    pub(crate) fn message(self, tool: &ToolName) -> String {
        let said = match self {
            Self::Text(texts) if texts.iter().any(|text| !text.trim().is_empty()) => texts.join("\n"),
            Self::Other(blocks) => raw::elements(blocks.as_str())
                .filter_map(|block| serde_json::from_str::<String>(raw::member(block, "text")?).ok())
                .collect::<Vec<_>>()
                .join("\n"),
            _ => String::new(),
        };
        if said.is_empty() { format!("{tool} failed without a message") } else { cut(said) }
    }
}

/// Cuts a message that is too long for an exception.
pub(crate) fn cut(mut message: String) -> String {
    if message.len() > MESSAGE_BYTES {
        let end = message.floor_char_boundary(MESSAGE_BYTES);
        let more = message.len() - end;
        message.truncate(end);
        message.push_str(&format!(" ... ({more} bytes more)"));
    }
    message
}

/// What several texts are together.
pub(crate) fn texts_value(mut texts: Vec<String>) -> Json {
    if texts.len() > 1 {
        let values: Option<Vec<Json>> = texts.iter().map(|text| parsed(text)).collect();
        let list = values.map(|values| values.iter().map(Json::as_str).collect::<Vec<_>>().join(","));
        if let Some(list) = list.and_then(|list| Json::parse(format!("[{list}]")).ok()) {
            return list;
        }
    }
    let text = if texts.len() == 1 { texts.swap_remove(0) } else { texts.join("\n") };
    parsed(&text).unwrap_or_else(|| Json::from_value(&serde_json::Value::String(text)))
}

/// The object or list that a text is as JSON. Numbers, quoted words, `true` and `null` are what people write as well: they stay
/// the text that they are.
pub(crate) fn parsed(text: &str) -> Option<Json> {
    let trimmed = text.trim();
    // Most texts are prose, and prose is recognized by its first letter.
    if !trimmed.starts_with(['{', '[']) {
        return None;
    }
    let mut json = trimmed.to_owned();
    halves(&mut json);
    Json::parse(json).ok()
}
