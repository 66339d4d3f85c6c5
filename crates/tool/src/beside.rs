//! A value, and content that stood beside it and says something else: one JSON text for both.
//!
//! `{"\u0000value": structure, "\u0000content": blocks}` is what crosses into the sandbox for such an answer, where a script gets the
//! structure with the blocks as its attribute `content`. No server writes these names, and one that does gives its own scripts
//! its own blocks.

use crate::raw;
use crate::{Json, JsonError};

const VALUE: &str = "\0value";
/// How the text of such an answer begins.
const HEAD: &str = "{\"\\u0000value\":";

impl Json {
    /// This value with content beside it, which is an array.
    ///
    /// # Errors
    ///
    /// Together they nest deeper than 127 levels.
    pub fn beside(&self, content: raw::Part<'_>) -> Result<Self, JsonError> {
        Self::parse(format!("{HEAD}{},\"\\u0000content\":{}}}", self.as_str(), content.as_str()))
    }

    /// The text of the value, without content beside it.
    #[must_use]
    pub fn value_str(&self) -> &str {
        let text = self.as_str();
        if text.starts_with(HEAD) { raw::member(text, VALUE).unwrap_or(text) } else { text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_without_the_content_beside_it() {
        let whole = r#"{"structuredContent":{"id":1.50},"content":[{"type":"text","text":"one"}]}"#;
        let content = raw::parts(whole).find(|(name, _)| name == "content").expect("a member").1;
        let value = Json::parse(r#"{"id":1.50}"#).expect("JSON");
        let both = value.beside(content).expect("JSON");
        let tree = both.to_value().expect("a tree");
        assert_eq!(tree["\0content"][0]["text"], "one");
        assert_eq!(both.value_str(), r#"{"id":1.50}"#);
        assert_eq!(value.value_str(), value.as_str());
    }
}
