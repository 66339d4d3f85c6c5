//! The arguments of a call to a sample.

use serde_json::{Map, Value};

/// An arguments object.
pub(super) struct Arguments(pub(super) Map<String, Value>);

impl Arguments {
    /// A whole number in a range; `default` when it is not given.
    pub(super) fn whole(&self, name: &str, range: std::ops::RangeInclusive<u64>, default: u64) -> Result<u64, String> {
        let wrong = || format!("{name} must be an integer from {} to {}", range.start(), range.end());
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(default),
            Some(value) => value.as_u64().filter(|number| range.contains(number)).ok_or_else(wrong),
        }
    }

    /// A text; `None` when it is not given.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, String> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(format!("{name} must be a string")),
        }
    }
}
