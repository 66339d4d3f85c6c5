//! Tools without a server.

use std::sync::Arc;

use exuvia_tool::{ArgumentCheck, Tool, ToolDescriptor};
use serde_json::Value;

struct Anything;

impl ArgumentCheck for Anything {
    fn check(&self, _: &Value) -> Result<(), String> {
        Ok(())
    }
}

/// A tool that takes any arguments.
#[must_use]
pub fn any_tool(descriptor: ToolDescriptor, python_name: &str) -> Tool {
    Tool {
        python_name: python_name.to_owned(),
        descriptor: Arc::new(descriptor),
        parameters: vec![],
        accepts_other_keywords: true,
        signature: "".into(),
        documentation: "".into(),
        arguments: Arc::new(Anything),
    }
}
