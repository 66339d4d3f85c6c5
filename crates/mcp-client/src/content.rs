//! Whether the content of a result says something that its structure does not.

use exuvia_tool::Json;
use exuvia_tool::raw::Part;

use crate::blocks::{Blocks, texts_value};

/// The longest content that is compared, in bytes: comparing takes as long as reading did.
const MAX_BYTES: usize = 256 << 10;

/// Whether it does: blocks that are no text, or text that is neither the structure's JSON, nor the text that it is, nor what its one
/// member is. Content above 256 KiB is taken to say the same.
pub(crate) fn says_more(structure: &Json, content: Part<'_>) -> bool {
    if content.as_str().len() > MAX_BYTES {
        return false;
    }
    match Blocks::read(Some(content)) {
        Ok(Blocks::Text(texts)) => {
            let is_empty = texts.iter().all(|text| text.trim().is_empty());
            !is_empty
                && !texts.iter().any(|text| is_written_alike(text, structure.as_str()))
                && differs(structure, texts)
        }
        Ok(Blocks::Other(_)) => true,
        Ok(Blocks::None) | Err(_) => false,
    }
}

/// Whether two JSON texts are the same but for white space between their parts. Most servers write one from the other.
fn is_written_alike(one: &str, two: &str) -> bool {
    written(one).eq(written(two))
}

/// The bytes of a JSON text without the white space between its parts.
fn written(text: &str) -> impl Iterator<Item = u8> {
    let (mut is_inside, mut is_escaped) = (false, false);
    text.bytes().filter(move |byte| {
        if is_inside {
            is_inside = *byte != b'"' || is_escaped;
            is_escaped = *byte == b'\\' && !is_escaped;
            return true;
        }
        is_inside = *byte == b'"';
        !byte.is_ascii_whitespace()
    })
}

fn differs(structure: &Json, texts: Vec<String>) -> bool {
    let Ok(value) = structure.to_value() else { return false };
    let only = value.as_object().filter(|object| object.len() == 1).and_then(|object| object.values().next());
    // As it is: the member may be a text that reads as JSON.
    let written = only.and_then(|only| only.as_str());
    if matches!((texts.as_slice(), written), ([text], Some(written)) if text == written) {
        return false;
    }
    let Ok(said) = texts_value(texts).to_value() else { return false };
    said != value && Some(&said) != only
}

#[cfg(test)]
mod tests {
    use exuvia_tool::raw;

    use super::*;

    fn more(structure: &str, content: &str) -> bool {
        let result = format!("{{\"content\":{content}}}");
        let (_, content) = raw::parts(&result).next().expect("a member");
        says_more(&Json::parse(structure).expect("JSON"), content)
    }

    fn texts(texts: &[&str]) -> String {
        let blocks: Vec<_> = texts.iter().map(|text| serde_json::json!({"type": "text", "text": text})).collect();
        serde_json::Value::from(blocks).to_string()
    }

    #[test]
    fn text_that_is_the_structure_says_nothing_more() {
        let structure = r#"{"rows":[{"id":1,"name":"a \" b  c"}],"total":1.50}"#;
        for text in [
            structure,
            "{\n  \"rows\": [ {\"id\": 1, \"name\": \"a \\\" b  c\"} ],\n  \"total\": 1.50\n}",
            r#"{"total":1.50,"rows":[{"name":"a \u0022 b  c","id":1}]}"#,
            "",
            " \n",
        ] {
            assert!(!more(structure, &texts(&[text])), "{text}");
        }
        assert!(!more(r#"{"items":[{"a":1},{"a":2}]}"#, &texts(&[r#"{"a":1}"#, r#"{"a":2}"#])), "its one member");
        assert!(!more("\"done\"", &texts(&["done"])));
        assert!(!more(r#"{"result":"{\"a\":1}"}"#, &texts(&[r#"{"a":1}"#])), "a text that reads as JSON");
        assert!(more(r#"{"result":"{\"a\":1}"}"#, &texts(&[r#"{"a":2}"#])));
        assert!(!more("[1]", "[]"));
        assert!(!more("[1]", &texts(&[&"x".repeat(MAX_BYTES)])), "not compared");
    }

    #[test]
    fn text_that_says_something_else_says_more() {
        let structure = r#"{"id":1,"name":"a b"}"#;
        for text in ["Order 1 is late", r#"{"id":2,"name":"a b"}"#, r#"{"id":1,"name":"ab"}"#, r#"[{"id":1}]"#, "1"] {
            assert!(more(structure, &texts(&[text])), "{text}");
        }
        assert!(more("[1]", r#"[{"type":"image","data":"AAAA","mimeType":"image/png"}]"#));
    }
}
