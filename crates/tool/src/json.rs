//! JSON text that is known to be JSON.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How many levels a value may nest: what serde_json builds a tree of.
const MAX_DEPTH: usize = 127;

/// One JSON value together with nothing else: the text as it crosses the sandbox boundary.
///
/// The text is kept rather than a tree, so that a value passes through without being rebuilt and integers of any size
/// survive.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Json(String);

/// A text is not one JSON value, or nests too deep.
#[derive(Debug)]
pub struct JsonError(String);

impl From<serde_json::Error> for JsonError {
    fn from(error: serde_json::Error) -> Self {
        Self(error.to_string())
    }
}

impl Json {
    /// Checks that `text` is one JSON value and keeps it as it is.
    ///
    /// # Errors
    ///
    /// The text is no JSON, or nests deeper than 127 levels.
    pub fn parse(text: impl Into<String>) -> Result<Self, JsonError> {
        let text = text.into();
        serde_json::from_str::<serde::de::IgnoredAny>(&text)?;
        if depth(&text) > MAX_DEPTH {
            return Err(JsonError(format!("it nests deeper than {MAX_DEPTH} levels")));
        }
        Ok(Self(text))
    }

    /// The text of a value.
    #[must_use]
    pub fn from_value(value: &Value) -> Self {
        Self(value.to_string())
    }

    /// The value as a tree.
    ///
    /// # Errors
    ///
    /// The value came from [`from_value`](Self::from_value) and nests deeper than 127 levels.
    pub fn to_value(&self) -> Result<Value, JsonError> {
        Ok(serde_json::from_str(&self.0)?)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, owned.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }

    /// The length of the text in bytes.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.0.len()
    }
}

/// How many levels a text nests that is known to be JSON. `IgnoredAny` does not count them.
fn depth(json: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_string => depth -= 1,
            _ => {}
        }
    }
    deepest
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for JsonError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_can_be_made_a_tree_of() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(Json::parse(nested(127)).is_ok_and(|json| json.to_value().is_ok()));
        assert!(Json::parse(nested(128)).is_err());
        assert!(Json::parse(nested(1_000_000)).is_err());
    }

    #[test]
    fn brackets_in_strings_do_not_nest() {
        let text = format!("\"{}\\\"{}\"", "[".repeat(500), "{".repeat(500));
        assert!(Json::parse(text).is_ok());
    }

    #[test]
    fn integers_keep_their_digits() {
        let text = "[123456789012345678901234567890,1.10]";
        assert_eq!(Json::from_value(&Json::parse(text).unwrap().to_value().unwrap()).as_str(), text);
    }
}
