//! Tokens of real messages.

use rmcp::model::{CallToolResult, Tool};
use serde_json::{Value, json};
use tiktoken_rs::CoreBPE;

use crate::child_client::text;

/// Counts in the encoding of the GPT-4o and GPT-5 families, `o200k_base`.
pub(crate) struct ToolTokens {
    encoding: CoreBPE,
}

impl ToolTokens {
    pub(crate) fn new() -> anyhow::Result<Self> {
        Ok(Self { encoding: tiktoken_rs::o200k_base()? })
    }

    /// What listing these tools costs on every turn: their definitions, as a client hands them to its model.
    pub(crate) fn of_tools(&self, tools: &[Tool]) -> anyhow::Result<usize> {
        let definitions: Vec<Value> = tools
            .iter()
            .map(|tool| json!({"name": tool.name, "description": tool.description, "inputSchema": *tool.input_schema}))
            .collect();
        Ok(self.of_text(&serde_json::to_string(&definitions)?))
    }

    /// What one exchange costs: the call that the model writes and the result that it reads.
    pub(crate) fn of_exchange(&self, tool: &str, arguments: &Value, result: &CallToolResult) -> usize {
        self.of_text(tool) + self.of_text(&arguments.to_string()) + self.of_text(&text(result))
    }

    fn of_text(&self, text: &str) -> usize {
        self.encoding.encode_ordinary(text).len()
    }
}
