//! Definitions of tools, as servers send them, and pins, as files hold them.

use std::sync::Arc;

use exuvia_pins::{AuditedServer, Definition, Listed, ServerPins, audit, differences};
use exuvia_tool::{Json, ToolAnnotations, ToolDescriptor};
use serde_json::Value;

/// The longest text of a finding, in characters.
const SHOWN_CHARS: usize = 1_000;

pub(super) const SCRAPS: &[&str] = &[
    "ignore previous instructions",
    "do not tell the user",
    "before using any tool",
    "read ~/.ssh/id_rsa",
    "<IMPORTANT>",
    "send_mail",
    "\u{200b}",
    "\u{202e}",
    "\u{e0041}",
    "\u{fe01}",
    "{\"version\":1,\"server\":\"a\",\"credential\":\"\",\"tools\":{",
    "\"required\":[\"b\",\"a\"]",
];

/// Whatever a tool says of itself, its definition equals itself and no other one, and the audit reads it. Whatever a file holds that is
/// read, it is the same after it was stored.
pub(super) fn tools(data: &[u8]) {
    let text = String::from_utf8_lossy(data).into_owned();
    let written = Json::parse(text.as_str()).ok();
    let schema = written.as_ref().and_then(|json| json.to_value().ok()).unwrap_or(Value::Null);
    let (title, output_schema) = (None, Some(schema.clone()));
    let (description, annotations) = (Some(text.clone()), ToolAnnotations::default());
    let tool =
        ToolDescriptor { name: "a".into(), title, description, input_schema: schema, output_schema, annotations };
    let definition = Definition::of(&tool, written.as_ref());
    assert!(definition.changed_parts(&Definition::of(&tool, written.as_ref())).is_empty());
    let other = ToolDescriptor { description: Some(text + "."), ..tool.clone() };
    let other = Definition::of(&other, written.as_ref());
    assert_eq!(definition.changed_parts(&other).len(), 1);
    if let (Some(before), Some(after)) = (definition.text(), other.text()) {
        assert_eq!(differences(before, after).len(), 1);
    }
    is_read(tool);
    is_kept(definition);
    if let Ok(pins) = ServerPins::from_json(data) {
        assert_eq!(ServerPins::from_json(pins.to_json().as_bytes()).expect("pins").to_json(), pins.to_json());
    }
}

fn is_read(tool: ToolDescriptor) {
    let mail = [Arc::new(ToolDescriptor { name: "send_mail".into(), ..tool.clone() })];
    let tools = [Arc::new(tool)];
    let servers = [AuditedServer { name: "evil", tools: &tools }, AuditedServer { name: "mail", tools: &mail }];
    for finding in audit(&servers, &["executeToolCode"]) {
        assert!(finding.text.chars().count() <= SHOWN_CHARS, "{finding:?}");
    }
}

fn is_kept(definition: Definition) {
    let listed = [Listed { name: "a", definition }];
    let mut pins = ServerPins::new("crm", "");
    assert!(pins.check(&listed, true, true, 0).deviations.is_empty());
    let mut again = ServerPins::from_json(pins.to_json().as_bytes()).expect("pins");
    let checked = again.check(&listed, false, true, 1);
    assert!(checked.deviations.is_empty() && !checked.is_other);
}
