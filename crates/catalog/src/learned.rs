//! What is known of the answers of tools that declare nothing of them.

use std::fmt;

use exuvia_tool::{Tool, ToolDescriptor};
use serde_json::{Map, Value};

/// The longest shape that is shown, in characters.
const MAX_SHAPE_CHARS: usize = 800;

/// What describes a schema and says nothing of its values.
const ANNOTATIONS: [&str; 9] = [
    "$schema",
    "$id",
    "$comment",
    "title",
    "description",
    "default",
    "examples",
    "deprecated",
    "x-fastmcp-wrap-result",
];

/// Knows the shapes of answers that were seen.
pub trait LearnedAnswers: Send + Sync + fmt::Debug {
    /// The shape of the answers of this tool of `server`, in one line without runs of spaces: `{"total": int} # seen 9 times`. `None` until one is known.
    fn shape(&self, server: &str, tool: &Tool) -> Option<String>;

    /// Another number once [`shape`](Self::shape) would say something else.
    fn version(&self) -> u64;

    /// Looks whether others changed what is known: called before something is shown, on threads that may wait for a file.
    fn refresh(&self) {}
}

/// The one whose shapes are shown, if there is one.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Answers<'a>(pub(crate) Option<&'a dyn LearnedAnswers>);

impl Answers<'_> {
    /// The line on what this tool answers, where its schema says nothing of it.
    pub(crate) fn line(self, server: &str, tool: &Tool) -> Option<String> {
        let learned = self.0.filter(|_| is_untold(&tool.descriptor))?;
        let shape = learned.shape(server, tool)?;
        Some(format!("answers {}", exuvia_text::one_line(&shape, MAX_SHAPE_CHARS)))
    }
}

/// Whether a tool has no output schema, or one that says nothing of the value that a script gets: also a text, which is parsed where
/// it is JSON. Looks at a few keys.
#[must_use]
pub fn is_untold(tool: &ToolDescriptor) -> bool {
    let Some(root) = &tool.output_schema else { return true };
    let value = if tool.is_boxed() { root.pointer("/properties/result") } else { None };
    match value.unwrap_or(root) {
        Value::Bool(any) => *any,
        Value::Object(schema) => is_bare(schema),
        _ => true,
    }
}

/// Whether a schema takes any value, any object, any list, or any text.
fn is_bare(schema: &Map<String, Value>) -> bool {
    schema.iter().all(|(key, value)| match key.as_str() {
        "type" => value == "object" || value == "array" || value == "string",
        "additionalProperties" => matches!(value, Value::Bool(true)) || is_empty(value),
        "properties" | "required" | "items" => is_empty(value),
        key => ANNOTATIONS.contains(&key),
    })
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use exuvia_tool::ToolAnnotations;
    use serde_json::json;

    use super::*;

    fn tool(output_schema: Option<Value>) -> ToolDescriptor {
        let (title, description, annotations) = (None, None, ToolAnnotations::default());
        ToolDescriptor { name: "get".into(), title, description, input_schema: json!({}), output_schema, annotations }
    }

    #[test]
    fn a_schema_tells_something_or_nothing() {
        let boxed = |result| json!({"x-fastmcp-wrap-result": true, "properties": {"result": result}});
        let nothing = [
            json!({}),
            json!(true),
            json!({"type": "object", "additionalProperties": true, "title": "getDictOutput"}),
            json!({"type": "object", "properties": {}}),
            boxed(json!({"title": "Result"})),
            boxed(json!({"type": "string"})),
        ];
        for schema in nothing {
            assert!(is_untold(&tool(Some(schema.clone()))), "{schema}");
        }
        let something = [
            json!({"type": "string", "enum": ["a"]}),
            json!({"properties": {"id": {}}}),
            json!({"type": "object", "additionalProperties": {"type": "string"}}),
            json!({"$ref": "#/$defs/A"}),
            boxed(json!({"type": "integer"})),
        ];
        for schema in something {
            assert!(!is_untold(&tool(Some(schema.clone()))), "{schema}");
        }
        assert!(is_untold(&tool(None)));
    }
}
