//! Schema errors, worded for authors of TOML. No message contains a value: it may be a secret.

use exuvia_catalog::closest;
use jsonschema::Validator;
use jsonschema::error::{TypeKind, ValidationError, ValidationErrorKind as Kind};
use serde_json::Value;

use super::access_types::{HASH, HASH_EXPECTED};
use super::document::{Document, below};
use super::schema::schema;
use crate::ConfigError;

/// Everything in the document that does not fit the schema. What is reported is removed from it, so that the rest fits.
pub(super) fn check(document: &mut Document) -> Vec<ConfigError> {
    let schema = schema();
    let validator: Validator = match jsonschema::options().offline().build(&schema) {
        Ok(validator) => validator,
        Err(error) => return vec![document.error("", format!("internal error: configuration schema: {error}"))],
    };
    let (mut errors, mut wrong) = (Vec::new(), Vec::new());
    for error in validator.iter_errors(&document.value) {
        let pointer = error.instance_path().as_str();
        match error.kind() {
            // What is no table at all is reported as such.
            Kind::OneOfNotValid { .. } | Kind::OneOfMultipleValid { .. } if !error.instance().is_object() => {}
            Kind::Required { property } if is_always_required(&schema, &error) => {
                let needed = property.as_str().unwrap_or_default();
                errors.push(document.error(pointer, format!("requires `{needed}`")));
            }
            Kind::Required { property } => {
                for key in dependents(&schema, &error, property) {
                    let needed = property.as_str().unwrap_or_default();
                    let error = document.error(&below(pointer, key), format!("requires `{needed}`"));
                    if !errors.contains(&error) {
                        errors.push(error);
                    }
                }
            }
            Kind::AdditionalProperties { unexpected } => {
                for key in unexpected {
                    let pointer = below(pointer, key);
                    errors.push(document.error(&pointer, unknown(key, known(&schema, &error))));
                    wrong.push(pointer);
                }
            }
            kind => {
                let (pointer, message, is_wrong) = sentence(kind, &schema, &error, pointer);
                errors.push(document.error(&pointer, message));
                wrong.extend(is_wrong.then_some(pointer));
            }
        }
    }
    // From behind, so that the places of what comes before in a list stay the same.
    for pointer in wrong.iter().rev() {
        take(&mut document.value, pointer);
    }
    errors
}

/// Where the fault is, what is wrong, and whether the value there is of no use.
fn sentence(kind: &Kind, schema: &Value, error: &ValidationError<'_>, pointer: &str) -> (String, String, bool) {
    let here = pointer.to_owned();
    match kind {
        Kind::Type { kind } => {
            (here, format!("must be {}, not {}", expected(kind, schema, error), found(error.instance())), true)
        }
        Kind::Enum { options } => (here, format!("must be {}", listed(options)), true),
        Kind::Minimum { limit } => (here, format!("must be at least {limit}"), true),
        Kind::Maximum { limit } => (here, format!("must be at most {limit}"), true),
        Kind::MinLength { .. } | Kind::MinItems { .. } => (here, "must not be empty".to_owned(), true),
        Kind::Pattern { pattern } if pattern == HASH => (here, HASH_EXPECTED.to_owned(), true),
        Kind::Pattern { .. } => (
            here,
            "must be a number of bytes, or a string with a unit: \"512 KiB\", \"256 MiB\", \"1 GiB\"".to_owned(),
            true,
        ),
        Kind::OneOfNotValid { .. } => (here, "requires `command` (stdio) or `url` (HTTP)".to_owned(), false),
        Kind::OneOfMultipleValid { .. } => (here, "has both `command` and `url`; remove one".to_owned(), false),
        _ => (here, error.masked().to_string(), true),
    }
}

/// Whether the table requires the key whatever else it holds; else another key of it does.
fn is_always_required(schema: &Value, error: &ValidationError<'_>) -> bool {
    error.schema_path().as_str().ends_with("/required")
        && schema.pointer(error.schema_path().as_str()).is_some_and(Value::is_array)
}

/// The keys of a table that are there although what they need is not. None where a server has neither of the keys that say
/// what it is: that is reported.
fn dependents<'s>(schema: &'s Value, error: &ValidationError<'_>, needed: &Value) -> Vec<&'s str> {
    let table = error.instance();
    let kinds = ["command", "url"];
    if kinds.iter().any(|kind| needed == kind) && kinds.iter().all(|kind| table.get(kind).is_none()) {
        return Vec::new();
    }
    let all = schema.pointer(error.schema_path().as_str()).and_then(Value::as_object).into_iter().flatten();
    let needs_it = |needs: &Value| needs.as_array().is_some_and(|needs| needs.contains(needed));
    all.filter(|(key, needs)| needs_it(needs) && table.get(key).is_some()).map(|(key, _)| key.as_str()).collect()
}

/// The keys that may stand where an unknown one was found.
fn known<'s>(schema: &'s Value, error: &ValidationError<'_>) -> Vec<&'s str> {
    let keyword = error.schema_path().as_str();
    let table = keyword.rsplit_once('/').and_then(|(table, _)| schema.pointer(table));
    let properties = table.and_then(|table| table["properties"].as_object());
    properties.into_iter().flat_map(|properties| properties.keys().map(String::as_str)).collect()
}

fn unknown(key: &str, known: Vec<&str>) -> String {
    match closest(key, known.iter().copied()).first() {
        Some(close) => format!("unknown key; did you mean `{close}`?"),
        None => format!("unknown key; known keys: {}", known.join(", ")),
    }
}

fn expected(kind: &TypeKind, schema: &Value, error: &ValidationError<'_>) -> String {
    let around = error.schema_path().as_str().rsplit_once('/').and_then(|(around, _)| schema.pointer(around));
    let of_strings = around.is_some_and(|around| around["items"]["type"] == "string");
    let words = |name: String| match name.as_str() {
        "string" => "a string",
        "integer" => "an integer",
        "boolean" => "true or false",
        "number" => "a number",
        "array" if of_strings => "an array of strings",
        "array" => "an array",
        "object" => "a table",
        _ => "something else",
    };
    match kind {
        TypeKind::Single(one) => words(one.to_string()).to_owned(),
        TypeKind::Multiple(several) => {
            several.iter().map(|one| words(one.to_string())).collect::<Vec<_>>().join(" or ")
        }
    }
}

fn found(value: &Value) -> &'static str {
    match value {
        Value::Null => "a date or an out-of-range number",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a float",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "a table",
    }
}

fn listed(options: &Value) -> String {
    let options: Vec<String> = options.as_array().into_iter().flatten().map(Value::to_string).collect();
    options.join(" or ")
}

fn take(value: &mut Value, pointer: &str) {
    let Some((around, part)) = pointer.rsplit_once('/') else { return };
    let part = part.replace("~1", "/").replace("~0", "~");
    match value.pointer_mut(around) {
        Some(Value::Object(map)) => {
            map.shift_remove(&part);
        }
        Some(Value::Array(items)) => {
            if let Some(index) = part.parse().ok().filter(|index| *index < items.len()) {
                items.remove(index);
            }
        }
        _ => {}
    }
}
