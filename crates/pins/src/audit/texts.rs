//! All texts of a tool, and where they are.

use exuvia_tool::ToolDescriptor;
use serde_json::Value;

use crate::difference::below;

/// The most texts of one tool that are read.
const MAX_TEXTS: usize = 20_000;

/// A text of a tool.
#[derive(Debug, Clone)]
pub(super) struct Text<'a> {
    /// `inputSchema.properties.limit.description`. The name of a member is at the place of the member.
    pub(super) place: String,
    pub(super) text: &'a str,
}

/// Every text that a model or a client may be shown: title, description, and in schemas names of members and all strings.
pub(super) fn texts(tool: &ToolDescriptor) -> Vec<Text<'_>> {
    let own = [("title", &tool.title), ("description", &tool.description)];
    let own =
        own.into_iter().filter_map(|(place, text)| Some(Text { place: place.to_owned(), text: text.as_deref()? }));
    let mut found: Vec<Text<'_>> = own.collect();
    collect("inputSchema".to_owned(), &tool.input_schema, &mut found);
    if let Some(schema) = &tool.output_schema {
        collect("outputSchema".to_owned(), schema, &mut found);
    }
    found
}

/// Recursive: what servers list nests at most 127 levels deep.
fn collect<'a>(place: String, value: &'a Value, found: &mut Vec<Text<'a>>) {
    if found.len() >= MAX_TEXTS {
        return;
    }
    match value {
        Value::String(text) => found.push(Text { place, text }),
        Value::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                collect(format!("{place}[{index}]"), element, found);
            }
        }
        Value::Object(object) => {
            for (name, value) in object {
                let inner = below(&place, name);
                // Keywords of JSON Schema are no text of anybody.
                if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
                    found.push(Text { place: inner.clone(), text: name });
                }
                collect(inner, value, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The words that a tool's schemas have for arguments, fields and values.
pub(super) fn vocabulary<'a>(schema: &'a Value, found: &mut Vec<&'a str>) {
    match schema {
        Value::Array(parts) => parts.iter().for_each(|part| vocabulary(part, found)),
        Value::Object(object) => {
            if let Some(Value::Object(properties)) = object.get("properties") {
                found.extend(properties.keys().map(String::as_str));
            }
            found.extend(object.get("const").and_then(Value::as_str));
            found.extend(object.get("enum").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str));
            object.values().for_each(|part| vocabulary(part, found));
        }
        _ => {}
    }
}
