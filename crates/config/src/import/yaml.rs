//! YAML as far as clients write configurations in it: one document, without aliases.

use granit_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value};

/// How deep maps and lists may lie in each other.
const DEPTH: usize = 64;

/// The tree of a text. Null, truth values and decimal numbers are what they are in JSON, everything else is text.
///
/// # Errors
///
/// It is none of this. The message holds nothing of the text.
pub fn tree(text: &str) -> Result<Value, String> {
    let mut events = Events { parser: Parser::new_from_str(text), line: 1 };
    let mut found = None;
    loop {
        match events.next()? {
            Event::StreamEnd => return Ok(found.unwrap_or_default()),
            Event::StreamStart | Event::DocumentEnd => {}
            Event::DocumentStart(..) if found.is_some() => return Err(events.wrong("has a second document")),
            Event::DocumentStart(..) => {
                let first = events.next()?;
                found = Some(events.value(first, 0)?);
            }
            _ => return Err(events.wrong("cannot be read")),
        }
    }
}

struct Events<'t> {
    parser: Parser<'t, granit_parser::StrInput<'t>>,
    /// Of what was read last.
    line: usize,
}

impl<'t> Events<'t> {
    fn next(&mut self) -> Result<Event<'t>, String> {
        match self.parser.next() {
            Some(Ok((event, span))) => {
                self.line = span.start.line();
                Ok(event)
            }
            Some(Err(error)) => {
                self.line = error.marker().line();
                Err(self.wrong("cannot be read"))
            }
            None => Err(self.wrong("ends unexpectedly")),
        }
    }

    fn value(&mut self, event: Event<'t>, depth: usize) -> Result<Value, String> {
        if depth > DEPTH {
            return Err(self.wrong("is nested too deeply"));
        }
        match event {
            Event::Scalar(text, ScalarStyle::Plain, _, None) => Ok(plain(&text)),
            Event::Scalar(text, ..) => Ok(Value::String(text.into_owned())),
            Event::SequenceStart(..) => {
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        Event::SequenceEnd => return Ok(Value::Array(items)),
                        item => items.push(self.value(item, depth + 1)?),
                    }
                }
            }
            Event::MappingStart(..) => self.map(depth),
            Event::Alias(..) => Err(self.wrong("has an alias, which is not supported; write out its value")),
            _ => Err(self.wrong("cannot be read")),
        }
    }

    fn map(&mut self, depth: usize) -> Result<Value, String> {
        let mut members = Map::new();
        loop {
            let key = match self.next()? {
                Event::MappingEnd => return Ok(Value::Object(members)),
                Event::Scalar(key, ..) => key.into_owned(),
                _ => return Err(self.wrong("has a key that is not a string")),
            };
            let value = self.next()?;
            let value = self.value(value, depth + 1)?;
            if members.insert(key, value).is_some() {
                return Err(self.wrong("has a duplicate key"));
            }
        }
    }

    fn wrong(&self, what: &str) -> String {
        format!("invalid YAML: line {} {what}", self.line)
    }
}

fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        text => serde_json::from_str(text).map_or_else(|_| Value::String(text.to_owned()), Value::Number),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_tree_is_what_json_would_hold() {
        let text = "# c\n---\na: [1, -2.50, 0x1f, true, ~, 'no', \"x\\ty\", !!str 7]\nb:\n  - {c: d # e\n  , f: }\n  - |\n    \
            one\n    two\n1: yes\n";
        let expected = json!({"a": [1, -2.5, "0x1f", true, null, "no", "x\ty", "7"], "b": [{"c": "d", "f": null}, "one\ntwo\n"],
            "1": "yes"});
        assert_eq!(tree(text).unwrap().to_string().replace("-2.50", "-2.5"), expected.to_string());
        assert_eq!(tree("").unwrap(), Value::Null);
    }

    #[test]
    fn unsupported_yaml_is_an_error_with_its_line_and_without_its_text() {
        for (text, line) in [
            ("a: b\nb: {s3cret: [\n", ""),
            ("a: b\nc: 's3cret\n", ""),
            ("a: b\na: s3cret\n", "line 2 has a duplicate key"),
            ("a: &s3cret [x]\nb: *s3cret\n", "line 2 has an alias"),
            ("a: b\n---\ns3cret\n", "a second document"),
            ("[s3cret]: a\n", "line 1 has a key that is not a string"),
            (&format!("s3cret: {}", "[".repeat(100_000)), ""),
            (&format!("s3cret: {}{}", "[".repeat(70), "]".repeat(70)), "nested too deeply"),
        ] {
            let told = tree(text).unwrap_err();
            assert!(told.contains(line) && !told.contains("s3cret"), "{told}");
        }
    }
}
