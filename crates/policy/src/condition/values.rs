//! Lists of allowed values.

use std::collections::HashSet;

use serde_json::Value;

use crate::condition::{Exhausted, Steps};

/// The values that an argument may have.
#[derive(Debug, Clone)]
pub(super) struct Values {
    texts: HashSet<String>,
    others: Vec<Value>,
    /// What it costs to hold a value against `others`: none is looked at further than one of them reaches.
    steps: usize,
}

impl Values {
    pub(super) fn of(values: &[Value]) -> Self {
        let texts = values.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        let others: Vec<Value> = values.iter().filter(|value| !value.is_string()).cloned().collect();
        let steps = others.iter().map(|value| value.to_string().len()).sum();
        Self { texts, others, steps }
    }

    /// Whether a value is one of them. Numbers are, if they are written alike.
    pub(super) fn contain(&self, value: &Value, steps: &mut Steps) -> Result<bool, Exhausted> {
        if let Value::String(text) = value {
            return Ok(self.texts.contains(text));
        }
        steps.take(self.steps, 1)?;
        Ok(self.others.contains(value))
    }
}
