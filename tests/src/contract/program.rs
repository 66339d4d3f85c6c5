//! The program itself, with the suite's servers over MCP behind it.

use std::fs;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::{Answer, ContractCase, Ending, ExpectedCall, contract};
use crate::{Folder, built, exuvia};

/// Runs a case by `exuvia run`.
///
/// # Errors
///
/// Its servers cannot be written down.
pub fn run_by_program(case: &ContractCase) -> Result<Ending> {
    let folder = Folder::new("");
    let tools: Value = serde_json::from_str(&fs::read_to_string(contract("tools.json"))?)?;
    let mut config = String::new();
    for server in tools["servers"].as_array().context("servers")? {
        let name = server["name"].as_str().context("a name")?;
        folder.write(&format!("{name}.tools"), &listed(&server["tools"]).to_string());
        let calls: Vec<_> = case.calls.iter().filter(|call| call.name().server == name).filter_map(played).collect();
        folder.write(&format!("{name}.calls"), &json!(calls).to_string());
        let arguments =
            ["--tools", &folder.text(&format!("{name}.tools")), "--contract", &folder.text(&format!("{name}.calls"))]
                .map(str::to_owned);
        let program = built("exuvia-fake-upstream").display().to_string();
        config += &format!("[servers.{name}]\ncommand = {}\nargs = {}\n", json!(program), json!(arguments));
    }
    config += "[limits]\n";
    for (name, value) in case.changed_limits() {
        config += &format!("{name} = {value}\n");
    }
    folder.write("exuvia.toml", &config);
    let ended = exuvia(&["run", "--json", "--config", &folder.text("exuvia.toml"), "-"], &case.source());
    let report: Value = serde_json::from_str(&ended.stdout).with_context(|| format!("{ended:?}"))?;
    Ok(report.into())
}

/// The tools as a server lists them: their values come boxed, because MCP has no others than objects.
fn listed(tools: &Value) -> Value {
    let tool = |tool: &Value| {
        let output = json!({"type": "object", "properties": {"result": {}}, "x-fastmcp-wrap-result": true});
        json!({
            "name": tool["name"], "description": tool["description"], "inputSchema": tool["input_schema"], "outputSchema": output,
        })
    };
    tools.as_array().into_iter().flatten().map(tool).collect()
}

/// A call as the server answers it. None: it does not reach the server.
fn played(call: &ExpectedCall) -> Option<Value> {
    let mut played = json!({"tool": call.name().tool, "arguments": call.arguments});
    let result = match call.answer.as_ref()? {
        Answer::Value(value) => {
            let text = value.to_string();
            json!({"content": [{"type": "text", "text": text}], "structuredContent": {"result": value}})
        }
        Answer::Error { message, .. } => json!({"content": [{"type": "text", "text": message}], "isError": true}),
        Answer::Never => return Some(played),
    };
    played["result"] = result;
    for (key, number) in [("after_ms", call.after_ms), ("after_calls", call.after_calls)] {
        if number > 0 {
            played[key] = number.into();
        }
    }
    Some(played)
}
