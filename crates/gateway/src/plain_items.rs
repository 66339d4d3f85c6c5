//! What direct servers list, as clients are shown it: names that show as themselves, or none, and texts without characters that are
//! not seen.
//!
//! Names and titles are one line. Descriptions keep their lines. In schemas that holds for what describes, and not for values.

use exuvia_mcp_client::Listing;
use exuvia_text::{is_plain_name, line, printable};
use exuvia_tool::Json;
use serde_json::{Map, Value};

/// Members of a schema that hold values, which stay as they are.
const VALUES: [&str; 5] = ["default", "const", "enum", "examples", "_meta"];
/// Members of a schema whose own members are named by others, and hold schemas.
const NAMED: [&str; 5] = ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"];

/// An item of a list as clients are shown it. `None`: by its name, which they would have to say.
pub(crate) fn item(listing: Listing, item: Json) -> Option<Json> {
    let key = match listing {
        Listing::Resources => "uri",
        Listing::ResourceTemplates => "uriTemplate",
        Listing::Prompts => "name",
    };
    changed(item, |item| {
        if item.get(key).and_then(Value::as_str).is_some_and(|name| !is_plain_name(name)) {
            return None;
        }
        let mut has_changed = texts(item, listing != Listing::Prompts);
        for argument in item.get_mut("arguments").and_then(Value::as_array_mut).into_iter().flatten() {
            let Some(argument) = argument.as_object_mut() else { continue };
            if argument.get("name").and_then(Value::as_str).is_some_and(|name| !is_plain_name(name)) {
                return None;
            }
            has_changed |= texts(argument, false);
        }
        Some(has_changed)
    })
}

/// A tool as clients are shown it. Its name and those of its parameters are plain.
pub(crate) fn tool(written: &Json) -> Json {
    let shown = changed(written.clone(), |tool| {
        let mut has_changed = texts(tool, false);
        if let Some(annotations) = tool.get_mut("annotations").and_then(Value::as_object_mut) {
            has_changed |= texts(annotations, false);
        }
        for key in ["inputSchema", "outputSchema"] {
            has_changed |= tool.get_mut(key).is_some_and(schema);
        }
        Some(has_changed)
    });
    shown.unwrap_or_else(|| written.clone())
}

/// Changes an object that may need it. A text without special characters, literal or escaped, is returned unchanged.
fn changed(written: Json, change: impl FnOnce(&mut Map<String, Value>) -> Option<bool>) -> Option<Json> {
    let shows = |byte: u8| matches!(byte, b' '..=b'~' | b'\n' | b'\t' | b'\r') && byte != b'\\';
    if written.as_str().bytes().all(shows) {
        return Some(written);
    }
    let Ok(Value::Object(mut object)) = written.to_value() else { return Some(written) };
    Some(if change(&mut object)? { Json::from_value(&Value::Object(object)) } else { written })
}

/// Sanitizes the texts that are shown and returns whether any changed. `has_name`: the name is a display name, which no client
/// sends back.
fn texts(object: &mut Map<String, Value>, has_name: bool) -> bool {
    let mut has_changed = false;
    for (key, value) in object {
        let Value::String(text) = value else { continue };
        let shown = match key.as_str() {
            "title" => line(text),
            "name" if has_name => line(text),
            "description" => printable(&text.replace("\r\n", "\n")),
            _ => continue,
        };
        has_changed |= shown != *text;
        *text = shown;
    }
    has_changed
}

fn schema(part: &mut Value) -> bool {
    match part {
        Value::Array(parts) => parts.iter_mut().fold(false, |changed, part| schema(part) | changed),
        Value::Object(object) => {
            let mut has_changed = texts(object, false);
            for (key, part) in object {
                has_changed |= match part {
                    _ if VALUES.contains(&key.as_str()) => false,
                    Value::Object(named) if NAMED.contains(&key.as_str()) => {
                        named.values_mut().fold(false, |changed, part| schema(part) | changed)
                    }
                    part => schema(part),
                };
            }
            has_changed
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(listing: Listing, value: &Value) -> Option<Value> {
        item(listing, Json::from_value(value)).map(|item| item.to_value().unwrap())
    }

    #[test]
    fn names_that_could_write_lines_of_ours_are_refused() {
        for name in ["a\nb", "\u{202e}x", "a\u{200b}", "a\u{1b}[2J", "\u{e0041}"] {
            assert!(shown(Listing::Prompts, &json!({"name": name})).is_none(), "{name:?}");
            let argument = json!({"name": "p", "arguments": [{"name": name}]});
            assert!(shown(Listing::Prompts, &argument).is_none(), "{name:?}");
            assert!(shown(Listing::Resources, &json!({"uri": name, "name": "r"})).is_none(), "{name:?}");
            assert!(shown(Listing::ResourceTemplates, &json!({"uriTemplate": name, "name": "r"})).is_none());
        }
        assert!(shown(Listing::Prompts, &json!({"name": "gr\u{f6}\u{df}e"})).is_some());
    }

    #[test]
    fn texts_of_lists_show_as_themselves() {
        let item = json!({
            "uri": "x://a", "name": "a\nb", "title": "\u{202e}t", "description": "one\r\ntwo\u{202e}", "size": 1.50,
        });
        let said = json!({
            "uri": "x://a", "name": "a\\nb", "title": "\\u{202e}t", "description": "one\ntwo\\u{202e}", "size": 1.50,
        });
        assert_eq!(shown(Listing::Resources, &item), Some(said));
        let prompt = json!({"name": "p", "arguments": [{"name": "a", "description": "\u{202e}", "title": "b\nc"}]});
        let said = json!({"name": "p", "arguments": [{"name": "a", "description": "\\u{202e}", "title": "b\\nc"}]});
        assert_eq!(shown(Listing::Prompts, &prompt), Some(said));
    }

    #[test]
    fn of_a_tool_what_describes_is_shown_and_what_is_a_value_stays() {
        let written = json!({
            "name": "t", "title": "a\nb", "description": "\u{202e}", "annotations": {"title": "\u{200b}"},
            "inputSchema": {"properties": {"title": {"title": "c\nd", "default": {"title": "e\nf"}, "enum": ["\u{202e}"]}}},
        });
        let said = json!({
            "name": "t", "title": "a\\nb", "description": "\\u{202e}", "annotations": {"title": "\\u{200b}"},
            "inputSchema": {"properties": {"title": {"title": "c\\nd", "default": {"title": "e\nf"}, "enum": ["\u{202e}"]}}},
        });
        assert_eq!(tool(&Json::from_value(&written)).to_value().unwrap(), said);
        let plain = Json::parse(r#"{"name": "t", "n": 1.50, "description": "a\nb \u00e9"}"#).unwrap();
        assert_eq!(tool(&plain), plain, "to the last blank");
    }
}
