//! JSON text that is known to be JSON.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One JSON value together with nothing else: the text as it crosses the sandbox boundary.
///
/// The text is kept rather than a tree, so that a value passes through without being rebuilt and integers of any size
/// survive.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Json(String);

/// A text is not one JSON value.
#[derive(Debug)]
pub struct JsonError(serde_json::Error);

impl Json {
    /// Checks that `text` is one JSON value and keeps it as it is.
    ///
    /// # Errors
    ///
    /// The text is no JSON, or nests deeper than serde_json's limit of 128.
    pub fn parse(text: impl Into<String>) -> Result<Self, JsonError> {
        let text = text.into();
        serde_json::from_str::<serde::de::IgnoredAny>(&text).map_err(JsonError)?;
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
    /// The text nests deeper than serde_json's limit of 128.
    pub fn to_value(&self) -> Result<Value, JsonError> {
        serde_json::from_str(&self.0).map_err(JsonError)
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

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for JsonError {}
