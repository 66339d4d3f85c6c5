//! The check of arguments against one schema.

use exuvia_tool::{ToolAnnotations, ToolDescriptor};
use serde_json::Value;

/// What the check of the tool `crm.NAME` with this schema says of `arguments`.
pub(crate) fn check(name: &str, schema: Value, arguments: &Value) -> Result<(), String> {
    let descriptor = ToolDescriptor {
        name: name.to_owned(),
        title: None,
        description: None,
        input_schema: schema,
        output_schema: None,
        annotations: ToolAnnotations::default(),
    };
    let namespace = exuvia_catalog::build(vec![("crm".to_owned(), vec![descriptor])]);
    namespace.server("crm").unwrap().tools()[0].arguments.check(arguments)
}
