//! Canonical JSON: one text for all forms in which the same value may be written.

use serde_json::Value;

/// The keyword of JSON Schema whose array is a set.
const REQUIRED: &str = "required";

/// What the array of names is that `required` has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Required {
    Set,
    InOrder,
}

/// The value as RFC 8785 writes it, with two differences: numbers keep their digits, because two numbers that are the same double may
/// not be the same to a server; and the names in `required` are sorted, because servers that keep them in a set list them in any order.
///
/// Recursive: what servers list nests at most [`MAX_DEPTH`](exuvia_tool::MAX_DEPTH) deep.
pub(crate) fn canonical(value: &Value) -> String {
    let mut text = String::new();
    write(value, Required::Set, &mut text);
    text
}

/// The same of any value, such as the arguments of a call: `required` is a name as any other.
///
/// Recursive: it must nest at most [`MAX_DEPTH`](exuvia_tool::MAX_DEPTH) deep.
#[must_use]
pub fn canonical_json(value: &Value) -> String {
    let mut text = String::new();
    write(value, Required::InOrder, &mut text);
    text
}

fn write(value: &Value, required: Required, text: &mut String) {
    let write_any = |value: &Value, text: &mut String| write(value, required, text);
    match value {
        Value::Object(object) => {
            let mut members: Vec<_> = object.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            let write_member = |(name, value): (&String, &Value), text: &mut String| {
                write_string(name, text);
                text.push(':');
                match value {
                    Value::Array(names) if name == REQUIRED && required == Required::Set => {
                        list(sorted(names), text, write_any);
                    }
                    value => write_any(value, text),
                }
            };
            text.push('{');
            separated(members, text, write_member);
            text.push('}');
        }
        Value::Array(elements) => list(elements.iter().collect(), text, write_any),
        Value::String(string) => write_string(string, text),
        Value::Number(number) => text.push_str(&number.to_string()),
        Value::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
        Value::Null => text.push_str("null"),
    }
}

fn list(elements: Vec<&Value>, text: &mut String, write: impl Fn(&Value, &mut String)) {
    text.push('[');
    separated(elements, text, write);
    text.push(']');
}

fn separated<T>(parts: Vec<T>, text: &mut String, write: impl Fn(T, &mut String)) {
    for (index, part) in parts.into_iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        write(part, text);
    }
}

/// Names in the order of their letters; anything else as it is.
fn sorted(names: &[Value]) -> Vec<&Value> {
    let mut sorted: Vec<&Value> = names.iter().collect();
    if names.iter().all(Value::is_string) {
        sorted.sort_unstable_by_key(|name| name.as_str().unwrap_or_default());
    }
    sorted
}

/// serde_json escapes what RFC 8785 escapes, and as it does.
fn write_string(string: &str, text: &mut String) {
    if string.bytes().any(|byte| byte < b' ' || matches!(byte, b'"' | b'\\')) {
        // Writing a string as JSON does not fail.
        text.push_str(&serde_json::to_string(string).unwrap_or_default());
        return;
    }
    text.push('"');
    text.push_str(string);
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical_of(text: &str) -> String {
        canonical(&serde_json::from_str(text).expect("JSON"))
    }

    #[test]
    fn the_same_value_has_one_text() {
        let one = r#"{ "b": [1, 2.50], "a": {"z": null, "é\/": "\u00e9\n"}, "required": ["y", "x"] }"#;
        let other = r#"{"required":["x","y"],"a":{"é/":"é\n","z":null},"b":[1,2.50]}"#;
        assert_eq!(canonical_of(one), canonical_of(other));
        assert_eq!(canonical_of(one), r#"{"a":{"z":null,"é/":"é\n"},"b":[1,2.50],"required":["x","y"]}"#);
    }

    #[test]
    fn another_value_has_another_text() {
        let texts = [
            "1",
            "1.0",
            "\"1\"",
            "12345678901234567890123",
            "12345678901234567890124",
            "[1,2]",
            "[2,1]",
            "{}",
            "[]",
            "null",
            r#"{"required":["a",1]}"#,
            r#"{"required":[1,"a"]}"#,
            r#"{"enum":["a","b"]}"#,
            r#"{"enum":["b","a"]}"#,
        ];
        let all: std::collections::BTreeSet<String> = texts.iter().map(|text| canonical_of(text)).collect();
        assert_eq!(all.len(), texts.len());
    }
}
