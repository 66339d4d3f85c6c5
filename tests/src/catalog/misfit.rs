//! Arguments that do not fit: one fault each, and what an error has to say of it.

use serde_json::{Map, Value, json};

use super::fitting::{Breadth, fitting, resolved};

/// Arguments with one fault.
#[derive(Debug)]
pub struct Misfit {
    /// What is wrong: `missing`, `unknown`, `type`, `enum`, `range`, `nested`.
    pub kind: &'static str,
    /// The arguments.
    pub arguments: Map<String, Value>,
    /// Where the fault is, as the error has to spell it.
    pub place: String,
    /// What was expected there, as the error has to spell it.
    pub expected: String,
}

/// One of each kind that the schema allows. There is always one: a parameter that nobody knows.
#[must_use]
pub fn misfits(schema: &Value) -> Vec<Misfit> {
    let least = fitting(schema, 0, Breadth::Least);
    let parameters: Vec<(&String, &Value)> = schema["properties"].as_object().into_iter().flatten().collect();
    let spoilt = |kind, name: &str, (value, place, expected): (Value, String, String)| {
        let mut arguments = least.clone();
        arguments.insert(name.to_owned(), value);
        Misfit { kind, arguments, place: format!("{name}{place}"), expected }
    };
    let of_kind = |kind, spoil: fn(&Value, &Value) -> Option<Spoilt>| {
        let mut found = parameters
            .iter()
            .filter_map(|(name, parameter)| Some(spoilt(kind, name, spoil(schema, resolved(schema, parameter))?)));
        found.next()
    };
    let mut all = vec![spoilt("unknown", "no_such_argument", (json!(1), String::new(), "has no argument".to_owned()))];
    all.extend(missing(schema, &least));
    all.extend(of_kind("type", wrong_type));
    all.extend(of_kind("enum", outside_enumeration));
    all.extend(of_kind("range", out_of_range));
    all.extend(of_kind("nested", wrong_inside));
    all
}

/// A wrong value, where in it the fault is, and what was expected.
type Spoilt = (Value, String, String);

fn missing(schema: &Value, least: &Map<String, Value>) -> Option<Misfit> {
    let name = schema.get("required")?.as_array()?.first()?.as_str()?;
    let mut arguments = least.clone();
    arguments.shift_remove(name);
    Some(Misfit { kind: "missing", arguments, place: format!("{name}="), expected: "needs".to_owned() })
}

fn wrong_type(_: &Value, schema: &Value) -> Option<Spoilt> {
    if schema.get("enum").is_some() {
        return None;
    }
    let kind = schema.get("type")?.as_str()?;
    let value = if kind == "object" { json!([1]) } else { json!({"wrong": 1}) };
    // Null is welcome where it is the default.
    let or_null = if schema.get("default") == Some(&Value::Null) { " or null" } else { "" };
    Some((value, String::new(), format!("must be {kind}{or_null}, not ")))
}

fn outside_enumeration(_: &Value, schema: &Value) -> Option<Spoilt> {
    let values = schema.get("enum")?.as_array()?;
    Some((json!("none of them"), String::new(), format!("must be one of {}", values.first()?)))
}

fn out_of_range(_: &Value, schema: &Value) -> Option<Spoilt> {
    if let Some(least) = schema.get("minimum").and_then(Value::as_i64) {
        return Some((json!(least - 1), String::new(), format!("must be at least {least}")));
    }
    let least = schema.get("minLength").and_then(Value::as_u64).filter(|least| *least > 0)?;
    Some((json!(""), String::new(), format!("must have at least {least} characters")))
}

/// A list of objects, or an object, that lacks a key or has a wrong one.
fn wrong_inside(root: &Value, schema: &Value) -> Option<Spoilt> {
    let (inner, step) = match schema.get("items") {
        Some(items) => (resolved(root, items), "[0]"),
        None => (schema, ""),
    };
    let wrap = |value: Value| if step.is_empty() { value } else { json!([value]) };
    if let Some(key) = inner.get("required").and_then(|keys| keys.as_array()?.first()?.as_str()) {
        return Some((wrap(json!({})), step.to_owned(), format!("must have the key {key:?}")));
    }
    let kind = inner.get("type")?.as_str()?;
    if step.is_empty() || kind == "null" {
        return None;
    }
    let value = if kind == "object" { json!(["wrong"]) } else { json!({"wrong": 1}) };
    Some((wrap(value), step.to_owned(), format!("must be {kind}, not ")))
}
