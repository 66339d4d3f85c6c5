//! JSON values as Python literals.

use serde_json::Value;

/// Longer literals are not shown where a value stands for one among many, such as a default.
const MAX_LITERAL_CHARS: usize = 48;

/// A string literal in double quotes.
pub(crate) fn string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            // What a reader would not see, or would see in another order, is spelled out.
            c if c.is_control()
                || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}') =>
            {
                out.push_str(&format!("\\u{:04x}", c as u32));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A value as a Python expression; none if it is longer than a reader wants to meet in a signature.
pub(crate) fn short_literal(value: &Value) -> Option<String> {
    let text = literal(value, MAX_LITERAL_CHARS)?;
    (text.chars().count() <= MAX_LITERAL_CHARS).then_some(text)
}

/// Gives up as soon as more than `room` bytes are needed, so that a huge default costs nothing.
fn literal(value: &Value, room: usize) -> Option<String> {
    let text = match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) if text.len() <= room => string(text),
        Value::String(_) => return None,
        Value::Array(items) => format!("[{}]", joined(items.iter().map(|item| literal(item, room)), room)?),
        Value::Object(map) => {
            let entry = |(key, value): (&String, &Value)| Some(format!("{}: {}", string(key), literal(value, room)?));
            format!("{{{}}}", joined(map.iter().map(entry), room)?)
        }
    };
    Some(text)
}

fn joined(parts: impl Iterator<Item = Option<String>>, room: usize) -> Option<String> {
    let mut text = String::new();
    for part in parts {
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(&part?);
        if text.len() > room {
            return None;
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(json: &str) -> Option<String> {
        short_literal(&serde_json::from_str(json).unwrap())
    }

    #[test]
    fn json_becomes_python() {
        assert_eq!(shown(r#"{"a": [true, null, 1.50], "b": "x"}"#).unwrap(), r#"{"a": [True, None, 1.50], "b": "x"}"#);
        assert_eq!(shown("123456789012345678901234567890").unwrap(), "123456789012345678901234567890");
    }

    #[test]
    fn a_string_cannot_leave_its_quotes() {
        assert_eq!(string("a\"\n\\\u{202e}\u{1}"), r#""a\"\n\\\u202e\u0001""#);
    }

    #[test]
    fn long_values_are_not_shown() {
        assert_eq!(shown(&format!("\"{}\"", "x".repeat(60))), None);
        assert_eq!(shown(&"9".repeat(5000)), None);
        assert_eq!(shown(&format!("[{}1]", "1,".repeat(1000))), None);
    }
}
