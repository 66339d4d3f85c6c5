//! Tools for tests of decisions.

use std::sync::Arc;

use exuvia_tool::{ArgumentCheck, Tool, ToolAnnotations, ToolDescriptor};
use serde_json::{Value, json};

struct Anything;
impl ArgumentCheck for Anything {
    fn check(&self, _: &Value) -> Result<(), String> {
        Ok(())
    }
}

/// A tool that takes any arguments.
pub(crate) fn tool(name: &str, python_name: &str, annotations: ToolAnnotations) -> Tool {
    Tool {
        python_name: python_name.to_owned(),
        descriptor: Arc::new(ToolDescriptor {
            name: name.to_owned(),
            title: None,
            description: None,
            input_schema: json!({}),
            output_schema: None,
            annotations,
        }),
        parameters: vec![],
        accepts_other_keywords: true,
        signature: "".into(),
        documentation: "".into(),
        arguments: Arc::new(Anything),
    }
}
