//! Lists of allowed values.

use std::collections::HashSet;

use serde_json::Value;

use crate::condition::{Exhausted, Steps};
use crate::slices::{elements, members, string};

/// The values that an argument may have.
#[derive(Debug, Clone)]
pub(super) struct Values {
    texts: HashSet<String>,
    others: Vec<Value>,
}

impl Values {
    pub(super) fn of(values: &[Value]) -> Self {
        let texts = values.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        Self { texts, others: values.iter().filter(|value| !value.is_string()).cloned().collect() }
    }

    /// Whether a value, as JSON text, is one of them.
    pub(super) fn contain(&self, value: &str, steps: &mut Steps) -> Result<bool, Exhausted> {
        if let Ok(text) = string(value) {
            return Ok(self.texts.contains(text.as_ref()));
        }
        for listed in &self.others {
            if is(value, listed, steps)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Whether a JSON text is this value. Numbers are, if they are written alike; an object with a key twice is none.
fn is(text: &str, value: &Value, steps: &mut Steps) -> Result<bool, Exhausted> {
    steps.take(text.len(), 1)?;
    match value {
        Value::Array(values) if text.starts_with('[') => {
            let mut values = values.iter();
            for element in elements(text) {
                let (Ok(element), Some(value)) = (element, values.next()) else { return Ok(false) };
                if !is(element, value, steps)? {
                    return Ok(false);
                }
            }
            Ok(values.next().is_none())
        }
        Value::Object(values) if text.starts_with('{') => {
            let mut seen = HashSet::new();
            for member in members(text) {
                let Ok((key, text)) = member else { return Ok(false) };
                let Some(value) = values.get(key.as_ref()) else { return Ok(false) };
                if !seen.insert(key) || !is(text, value, steps)? {
                    return Ok(false);
                }
            }
            Ok(seen.len() == values.len())
        }
        Value::String(value) => Ok(string(text).as_deref() == Ok(value.as_str())),
        Value::Null | Value::Bool(_) | Value::Number(_) => {
            let written = value.to_string();
            Ok(text == written)
        }
        Value::Array(_) | Value::Object(_) => Ok(false),
    }
}
