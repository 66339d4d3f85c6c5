//! The simple parts of a tool's schema: enough to reject one argument independently of the others.

use exuvia_tool::Tool;
use serde_json::{Map, Value};

/// An enumeration with more options, and a choice of more forms, is no simple part.
const MAX_OPTIONS: usize = 1_000;
const MAX_BRANCHES: usize = 64;

/// What the schema expects of an argument that this value certainly is not: what comes behind "must".
pub(super) fn contradiction(tool: &Tool, name: &str, value: &Value) -> Option<String> {
    let root = tool.descriptor.input_schema.as_object().filter(|root| !root.contains_key("$ref"))?;
    let property = root.get("properties")?.as_object()?.get(name)?;
    expectation(property, value)
}

fn expectation(schema: &Value, value: &Value) -> Option<String> {
    let schema = schema.as_object().filter(|schema| !schema.contains_key("$ref"))?;
    // Where null is the default the check lets it pass.
    if value.is_null() && schema.get("default") == Some(&Value::Null) {
        return None;
    }
    of_type(schema, value).or_else(|| of_options(schema, value)).or_else(|| of_branches(schema, value))
}

fn of_type(schema: &Map<String, Value>, value: &Value) -> Option<String> {
    let types: Vec<&str> = match schema.get("type")? {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().map(Value::as_str).collect::<Option<_>>()?,
        _ => return None,
    };
    let fits: Vec<bool> = types.iter().map(|name| is_of_type(value, name)).collect::<Option<_>>()?;
    (!fits.is_empty() && !fits.contains(&true)).then(|| format!("be {}", types.join(" or ")))
}

/// None if there is no such type.
fn is_of_type(value: &Value, name: &str) -> Option<bool> {
    Some(match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        // 1.0 is an integer to JSON Schema.
        "integer" => value.as_number().is_some_and(|number| number.as_f64().is_none_or(|float| float.fract() == 0.0)),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => return None,
    })
}

/// Of numbers, lists and objects equality is a question with fine points; of texts and truth values it is none.
fn of_options(schema: &Map<String, Value>, value: &Value) -> Option<String> {
    if !value.is_string() && !value.is_boolean() {
        return None;
    }
    if let Some(constant) = schema.get("const") {
        return (constant != value).then(|| format!("be {}", super::literals::shown(constant)));
    }
    let options = schema.get("enum")?.as_array().filter(|options| options.len() <= MAX_OPTIONS)?;
    let shown = || options.iter().take(100).map(super::literals::shown).collect::<Vec<_>>().join(", ");
    (!options.contains(value)).then(|| format!("be one of {}", super::cut(&shown(), 300)))
}

/// A value that fits none of several forms.
fn of_branches(schema: &Map<String, Value>, value: &Value) -> Option<String> {
    let branches = schema.get("anyOf")?.as_array().filter(|branches| (1..=MAX_BRANCHES).contains(&branches.len()))?;
    let expected: Vec<String> = branches.iter().map(|branch| expectation(branch, value)).collect::<Option<_>>()?;
    let expected: Vec<&str> = expected.iter().map(|one| one.strip_prefix("be ").unwrap_or(one)).collect();
    Some(format!("be {}", expected.join(" or ")))
}
