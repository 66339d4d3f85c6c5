//! Choices in the JSON Schema of `exuvia.toml`.

use schemars::{Schema, json_schema};
use serde_json::Value;

/// A choice whose values the descriptions of its keys explain: the schema has the values alone, without the comments of the Rust
/// type.
pub(crate) fn values_only(schema: &mut Schema) {
    let described = schema.get("oneOf").and_then(Value::as_array).into_iter().flatten();
    let values: Vec<Value> = described.filter_map(|option| option.get("const").cloned()).collect();
    *schema = json_schema!({"type": "string", "enum": values});
}
