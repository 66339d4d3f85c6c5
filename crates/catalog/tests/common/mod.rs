//! The check of arguments against one schema.

use exuvia_test_support::descriptor;
use serde_json::{Value, json};

/// What the check of the tool `crm.NAME` with this schema says of `arguments`.
pub(crate) fn check(name: &str, schema: Value, arguments: &Value) -> Result<(), String> {
    let tool = descriptor(&json!({"name": name, "inputSchema": schema}));
    let namespace = exuvia_catalog::build(vec![("crm".to_owned(), vec![tool])]);
    namespace.server("crm").unwrap().tools()[0].arguments.check(arguments)
}
