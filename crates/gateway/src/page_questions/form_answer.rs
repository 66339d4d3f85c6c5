//! The answer to a form, compared with what the server asks for: the flat schemas that the protocol has for elicitation.

use serde_json::{Map, Value};

/// The longest text of an answer, in bytes.
const TEXT_BYTES: usize = 64 << 10;
/// The most choices of a field with several.
const CHOICES: usize = 256;

/// The content, if it fits the schema.
///
/// # Errors
///
/// What does not, for whoever fills the form in.
pub(super) fn checked(schema: &Value, content: Map<String, Value>) -> Result<Map<String, Value>, String> {
    let empty = Map::new();
    let fields = schema.get("properties").and_then(Value::as_object).unwrap_or(&empty);
    if let Some(unknown) = content.keys().find(|name| !fields.contains_key(*name)) {
        let names: Vec<_> = fields.keys().map(String::as_str).collect();
        return Err(format!("the form has no field {unknown:?}; it has: {}", names.join(", ")));
    }
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    if let Some(missing) = required.into_iter().find(|name| !content.contains_key(*name)) {
        return Err(format!("{missing}: must be filled in"));
    }
    for (name, value) in &content {
        field(&fields[name], value).map_err(|why| format!("{name}: {why}"))?;
    }
    Ok(content)
}

fn field(schema: &Value, value: &Value) -> Result<(), String> {
    match schema.get("type").and_then(Value::as_str) {
        Some("string") => text(schema, value.as_str().ok_or("must be a text")?),
        Some("boolean") if value.is_boolean() => Ok(()),
        Some("boolean") => Err("must be true or false".to_owned()),
        Some("integer") if value.is_i64() || value.is_u64() => number(schema, value),
        Some("integer") => Err("must be a whole number".to_owned()),
        Some("number") if value.is_number() => number(schema, value),
        Some("number") => Err("must be a number".to_owned()),
        Some("array") => several(schema, value.as_array().ok_or("must be a list")?),
        // No type of the protocol's: a choice may have none.
        _ => match (choices(schema), value) {
            (Some(all), Value::String(one)) => chosen(&all, one),
            _ => Err("this field cannot be filled in here: decline".to_owned()),
        },
    }
}

fn text(schema: &Value, text: &str) -> Result<(), String> {
    if text.len() > TEXT_BYTES {
        return Err(format!("must be at most {TEXT_BYTES} bytes"));
    }
    if let Some(all) = choices(schema) {
        return chosen(&all, text);
    }
    let chars = text.chars().count() as u64;
    let bound = |key: &str| schema.get(key).and_then(Value::as_u64);
    match (bound("minLength"), bound("maxLength")) {
        (Some(least), _) if chars < least => Err(format!("must have at least {least} characters")),
        (_, Some(most)) if chars > most => Err(format!("must have at most {most} characters")),
        _ => Ok(()),
    }
}

fn number(schema: &Value, value: &Value) -> Result<(), String> {
    let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
    let value = value.as_f64().unwrap_or(f64::NAN);
    match (bound("minimum"), bound("maximum")) {
        (Some(least), _) if value < least => Err(format!("must be at least {least}")),
        (_, Some(most)) if value > most => Err(format!("must be at most {most}")),
        _ => Ok(()),
    }
}

fn several(schema: &Value, values: &[Value]) -> Result<(), String> {
    let items = schema.get("items").unwrap_or(&Value::Null);
    let all = choices(items).ok_or("this field cannot be filled in here: decline")?;
    let bound = |key: &str| schema.get(key).and_then(Value::as_u64);
    let count = values.len() as u64;
    match (bound("minItems"), bound("maxItems")) {
        (Some(least), _) if count < least => return Err(format!("choose at least {least}")),
        (_, Some(most)) if count > most => return Err(format!("choose at most {most}")),
        _ if values.len() > CHOICES => return Err(format!("choose at most {CHOICES}")),
        _ => {}
    }
    values.iter().try_for_each(|value| chosen(&all, value.as_str().ok_or("must be a list of texts")?))
}

/// What a field lets choose. None: it is no choice.
fn choices(schema: &Value) -> Option<Vec<&str>> {
    if let Some(all) = schema.get("enum").and_then(Value::as_array) {
        return Some(all.iter().filter_map(Value::as_str).collect());
    }
    let all = schema.get("oneOf").or_else(|| schema.get("anyOf"))?.as_array()?;
    Some(all.iter().filter_map(|choice| choice.get("const")?.as_str()).collect())
}

fn chosen(all: &[&str], one: &str) -> Result<(), String> {
    if all.contains(&one) { Ok(()) } else { Err(format!("must be one of: {}", all.join(", "))) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(content: Value) -> Result<(), String> {
        let schema = json!({"type": "object", "required": ["name"], "properties": {
            "name": {"type": "string", "minLength": 2, "maxLength": 4},
            "age": {"type": "integer", "minimum": 0, "maximum": 150},
            "share": {"type": "number"},
            "sure": {"type": "boolean"},
            "color": {"type": "string", "enum": ["red", "blue"]},
            "size": {"type": "string", "oneOf": [{"const": "s", "title": "small"}, {"const": "l"}]},
            "tags": {"type": "array", "minItems": 1, "maxItems": 2, "items": {"type": "string", "enum": ["a", "b", "c"]}},
            "odd": {"type": "object"},
        }});
        let Value::Object(content) = content else { panic!("{content}") };
        checked(&schema, content).map(|_| ())
    }

    #[test]
    fn an_answer_fits_the_form_or_says_what_does_not() {
        let whole =
            json!({"name": "Ada", "age": 36, "share": 0.5, "sure": true, "color": "red", "size": "l", "tags": ["a"]});
        assert_eq!(check(whole), Ok(()));
        assert_eq!(check(json!({"name": "Ada"})), Ok(()));
        for (content, why) in [
            (json!({}), "name: must be filled in"),
            (json!({"name": "Ada", "more": 1}), "the form has no field"),
            (json!({"name": 1}), "name: must be a text"),
            (json!({"name": "A"}), "at least 2"),
            (json!({"name": "Adaaa"}), "at most 4"),
            (json!({"name": "Ada", "age": "36"}), "age: must be a whole number"),
            (json!({"name": "Ada", "age": 1.5}), "age: must be a whole number"),
            (json!({"name": "Ada", "age": -1}), "age: must be at least 0"),
            (json!({"name": "Ada", "age": 151}), "age: must be at most 150"),
            (json!({"name": "Ada", "share": true}), "share: must be a number"),
            (json!({"name": "Ada", "sure": 1}), "sure: must be true or false"),
            (json!({"name": "Ada", "color": "green"}), "color: must be one of: red, blue"),
            (json!({"name": "Ada", "size": "small"}), "size: must be one of: s, l"),
            (json!({"name": "Ada", "tags": []}), "tags: choose at least 1"),
            (json!({"name": "Ada", "tags": ["a", "b", "c"]}), "tags: choose at most 2"),
            (json!({"name": "Ada", "tags": ["z"]}), "tags: must be one of"),
            (json!({"name": "Ada", "tags": "a"}), "tags: must be a list"),
            (json!({"name": "Ada", "odd": {}}), "odd: this field cannot be filled in"),
            (json!({"name": "x".repeat(TEXT_BYTES + 1)}), "at most 65536 bytes"),
        ] {
            let said = check(content.clone()).expect_err("it does not fit");
            assert!(said.contains(why), "{content:.80}: {said}");
        }
    }
}
