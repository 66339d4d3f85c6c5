//! JSON with comments and trailing commas.

use anyhow::{Context as _, Result, anyhow};
use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstInputValue, CstObject, CstRootNode};
use serde_json::Value;

use super::Edit;

const OPTIONS: ParseOptions = ParseOptions {
    allow_comments: true,
    allow_loose_object_property_names: false,
    allow_trailing_commas: true,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

pub(super) fn edited(text: &str, edit: &Edit<'_>) -> Result<String> {
    if text.trim().is_empty() {
        return Ok(format!("{:#}\n", super::expected(Value::Null, edit)));
    }
    let root = parsed(text)?;
    let mut object = root.object_value_or_create().context("is not a JSON object")?;
    for key in edit.object {
        object = object.object_value_or_create(key).with_context(|| format!("{key} is not an object"))?;
    }
    for property in object.properties() {
        if property.decoded_name().is_some_and(|name| edit.is_removed(&name)) {
            property.remove();
        }
    }
    for (name, value) in &edit.put {
        put(&object, name, input(value));
    }
    Ok(root.to_string())
}

fn put(object: &CstObject, name: &str, value: CstInputValue) {
    match object.get(name) {
        Some(property) => property.set_value(value),
        None => drop(object.append(name, value)),
    }
}

pub(super) fn tree(text: &str) -> Result<Value> {
    if text.trim().is_empty() {
        return Ok(Value::Null);
    }
    parsed(text)?.to_serde_value().context("is not JSON")
}

fn parsed(text: &str) -> Result<CstRootNode> {
    CstRootNode::parse(text, &OPTIONS).map_err(|error| {
        let line = text[..error.range().start.min(text.len())].matches('\n').count() + 1;
        anyhow!("invalid JSON on line {line}: {}", error.kind())
    })
}

fn input(value: &Value) -> CstInputValue {
    match value {
        Value::Null => CstInputValue::Null,
        Value::Bool(value) => CstInputValue::Bool(*value),
        Value::Number(number) => CstInputValue::Number(number.to_string()),
        Value::String(text) => CstInputValue::String(text.clone()),
        Value::Array(items) => CstInputValue::Array(items.iter().map(input).collect()),
        Value::Object(members) => {
            CstInputValue::Object(members.iter().map(|(name, value)| (name.clone(), input(value))).collect())
        }
    }
}
