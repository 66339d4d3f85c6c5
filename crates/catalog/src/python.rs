//! JSON values as Python literals.

use std::io::{self, Write};

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
            c if exuvia_text::is_plain(c) => out.push(c),
            c if u32::from(c) > 0xffff => out.push_str(&format!("\\U{:08x}", u32::from(c))),
            c => out.push_str(&format!("\\u{:04x}", u32::from(c))),
        }
    }
    out.push('"');
    out
}

/// The beginning of a value's JSON, of about `max_bytes` bytes: what comes after that is not written at all.
pub(crate) fn json_head(value: &Value, max_bytes: usize) -> String {
    let mut head = Head { bytes: Vec::new(), max_bytes };
    // It fails when there is no more room.
    let _ = serde_json::to_writer(&mut head, value);
    String::from_utf8_lossy(&head.bytes).into_owned()
}

/// Whether a value's JSON takes no more than `max_bytes` bytes, and how many.
pub(crate) fn json_bytes(value: &Value, max_bytes: usize) -> Option<usize> {
    let mut head = Head { bytes: Vec::new(), max_bytes };
    serde_json::to_writer(&mut head, value).ok().map(|()| head.bytes.len())
}

struct Head {
    bytes: Vec<u8>,
    max_bytes: usize,
}

impl Write for Head {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        let room = self.max_bytes - self.bytes.len();
        self.bytes.extend_from_slice(&more[..more.len().min(room)]);
        if more.len() > room { Err(io::ErrorKind::StorageFull.into()) } else { Ok(more.len()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
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
        Value::Number(number) if number.as_str().len() <= room => number.to_string(),
        Value::Number(_) => return None,
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
        assert_eq!(string("a\"\n\\\u{202e}\u{1}\u{3164}"), r#""a\"\n\\\u202e\u0001\u3164""#);
        assert_eq!(string("\u{fe0f}\u{e0041}\u{9b}\u{2028}"), r#""\ufe0f\U000e0041\u009b\u2028""#);
    }

    #[test]
    fn long_values_are_not_shown() {
        assert_eq!(shown(&format!("\"{}\"", "x".repeat(60))), None);
        assert_eq!(shown(&"9".repeat(5000)), None);
        assert_eq!(shown(&format!("[{}1]", "1,".repeat(1000))), None);
    }
}
