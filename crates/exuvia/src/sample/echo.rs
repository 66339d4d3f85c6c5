//! A configurable server, for measurements.

use std::time::Duration;

use rmcp::model::Tool;
use serde_json::{Value, json};

use super::arguments::Arguments;
use super::server::{Sample, SampleAnswer, tool};

/// The largest answer.
const BLOB_BYTES: u64 = 256 << 20;
/// The longest sleep.
const SLEEP_MS: u64 = 600_000;

/// Gives back what it gets.
pub(super) struct Echo;

impl Sample for Echo {
    fn about(&self) -> (&'static str, &'static str) {
        ("echo", "Gives back what it gets.")
    }

    fn tools(&self) -> Vec<Tool> {
        let object = |properties: Value, required: &[&str]| json!({"type": "object", "properties": properties, "required": required});
        let bytes = json!({"bytes": {"type": "integer", "minimum": 0, "maximum": BLOB_BYTES}});
        let ms = json!({"ms": {"type": "integer", "minimum": 0, "maximum": SLEEP_MS}});
        vec![
            tool(
                "echo",
                "Returns the value it is given.",
                object(json!({"value": {"description": "Any JSON value"}}), &["value"]),
                Some(object(json!({"value": {}}), &["value"])),
            ),
            tool("blob", "Returns a text of this many bytes.", object(bytes, &["bytes"]), None),
            tool(
                "fail",
                "Fails with this message.",
                object(json!({"message": {"type": "string", "default": "failed as asked"}}), &[]),
                None,
            ),
            tool(
                "sleep",
                "Returns after this many milliseconds.",
                object(ms, &["ms"]),
                Some(object(json!({"slept_ms": {"type": "integer"}}), &["slept_ms"])),
            ),
        ]
    }

    fn call(&self, tool: &str, arguments: &Arguments) -> Result<SampleAnswer, String> {
        match tool {
            "echo" => {
                let value = arguments.0.get("value").ok_or("value is required")?;
                Ok(SampleAnswer::Structured(json!({"value": value})))
            }
            "blob" => {
                let bytes = arguments.whole("bytes", 0..=BLOB_BYTES, 0)?;
                Ok(SampleAnswer::Text("x".repeat(usize::try_from(bytes).unwrap_or(0))))
            }
            "fail" => Err(arguments.text("message")?.unwrap_or("failed as asked").to_owned()),
            "sleep" => {
                let ms = arguments.whole("ms", 0..=SLEEP_MS, 0)?;
                Ok(SampleAnswer::Later(Duration::from_millis(ms), json!({"slept_ms": ms})))
            }
            _ => Err(format!("there is no tool {tool}")),
        }
    }
}
