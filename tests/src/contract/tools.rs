//! The tools of the suite, and their answers in one case.

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context as _, Result};
use exuvia_catalog::files::{Layouts, StubFiles};
use exuvia_tool::{
    BoxFuture, CallError, Deadline, Json, Namespace, Tool, ToolAnnotations, ToolCall, ToolDescriptor, ToolHost,
    ToolOutcome,
};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{Answer, ContractCase, ExpectedCall, contract};

/// The servers and their tools, as `tools.json` has them.
///
/// # Errors
///
/// The file cannot be read.
pub fn contract_tools() -> Result<Vec<(String, Vec<ToolDescriptor>)>> {
    let file: Value = serde_json::from_str(&fs::read_to_string(contract("tools.json"))?)?;
    let servers = file["servers"].as_array().context("servers")?;
    let tool = |tool: &Value| {
        let text = |key: &str| tool[key].as_str().map(str::to_owned);
        Some(ToolDescriptor {
            name: text("name")?,
            title: None,
            description: text("description"),
            input_schema: tool["input_schema"].clone(),
            output_schema: None,
            annotations: ToolAnnotations::default(),
        })
    };
    let server = |server: &Value| {
        let tools: Option<Vec<_>> = server["tools"].as_array()?.iter().map(tool).collect();
        Some((server["name"].as_str()?.to_owned(), tools?))
    };
    servers.iter().map(|one| server(one).context("a server has a name and tools")).collect()
}

/// `tools.json` with what the contract calls the tools' Python side, as the catalog gives it.
///
/// # Errors
///
/// The file cannot be read.
pub fn tools_text() -> Result<String> {
    let namespace = exuvia_catalog::build(contract_tools()?);
    let tool = |tool: &Tool| {
        let parameter = |one: &exuvia_tool::Parameter| json!({"python_name": one.python_name, "name": one.name, "required": one.required});
        json!({
            "name": tool.name(),
            "python_name": tool.python_name,
            "description": tool.descriptor.description,
            "input_schema": tool.descriptor.input_schema,
            "signature": &*tool.signature,
            "documentation": &*tool.documentation,
            "parameters": tool.parameters.iter().map(parameter).collect::<Vec<_>>(),
            "accepts_other_keywords": tool.accepts_other_keywords,
        })
    };
    let server = |server: &exuvia_tool::Server| json!({"name": server.name, "python_name": server.python_name, "tools": server.tools().iter().map(tool).collect::<Vec<_>>()});
    let servers: Vec<_> = namespace.servers().iter().map(server).collect();
    Ok(serde_json::to_string_pretty(&json!({"servers": servers}))? + "\n")
}

/// The tools of the suite, which answer the calls of one case.
pub struct ContractTools {
    namespace: Arc<Namespace>,
    expected: Mutex<Vec<Option<ExpectedCall>>>,
    /// How many calls have come.
    come: watch::Sender<u64>,
}

impl ContractTools {
    /// Those of this case.
    ///
    /// # Errors
    ///
    /// The tools cannot be read.
    pub fn new(case: &ContractCase) -> Result<Arc<Self>> {
        let expected = Mutex::new(case.calls.iter().cloned().map(Some).collect());
        let namespace = Arc::new(exuvia_catalog::build(contract_tools()?));
        Ok(Arc::new(Self { namespace, expected, come: watch::Sender::new(0) }))
    }

    fn check(&self, call: &mut ToolCall) -> Result<(), CallError> {
        let tool = self.namespace.server(&call.name.server).and_then(|server| server.tool(&call.name.tool));
        let tool = tool.ok_or_else(|| CallError::UnknownTool(format!("there is no tool {}", call.name)))?;
        let arguments = call.arguments.tree().map_err(|error| CallError::InvalidArguments(error.to_string()))?;
        tool.arguments.check(arguments).map_err(CallError::InvalidArguments)
    }

    /// The first expected call that is like this one and has not come yet.
    fn take(&self, call: &mut ToolCall) -> Option<ExpectedCall> {
        let arguments = call.arguments.tree().ok()?;
        let is_it = |one: &ExpectedCall| one.name() == call.name && one.arguments == *arguments && one.answer.is_some();
        let mut expected = self.expected.lock().expect("the calls");
        expected.iter_mut().find(|one| one.as_ref().is_some_and(is_it)).and_then(Option::take)
    }
}

impl ToolHost for ContractTools {
    fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    fn search(&self, query: String) -> BoxFuture<'static, String> {
        let stubs = StubFiles::new(Arc::clone(&self.namespace), Layouts::default());
        Box::pin(async move { stubs.list(Some(&query), 8_000) })
    }

    fn call(&self, mut call: ToolCall, deadline: Deadline) -> BoxFuture<'static, ToolOutcome> {
        self.come.send_modify(|come| *come += 1);
        let expected = self.check(&mut call).map(|()| self.take(&mut call));
        let mut come = self.come.subscribe();
        Box::pin(async move {
            let unexpected =
                || CallError::ToolFailed { message: format!("the case expects no call {call:?}"), data: None };
            let ExpectedCall { answer, after_ms, after_calls, .. } = expected?.ok_or_else(unexpected)?;
            let answered = async {
                // The sender is in the host, which is there for as long as its run is.
                let _ = come.wait_for(|come| *come >= after_calls).await;
                tokio::time::sleep(Duration::from_millis(after_ms)).await;
                match answer.as_ref().and_then(Answer::outcome) {
                    Some(outcome) => outcome,
                    None => std::future::pending::<Result<Json, CallError>>().await,
                }
            };
            tokio::time::timeout_at(deadline.at().into(), answered).await.unwrap_or_else(|_| Err(deadline.missed()))
        })
    }
}
