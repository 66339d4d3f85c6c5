//! A complete embedder on `exuvia-runtime`: one tool written in Rust, one script that calls it.
//!
//! `cargo run --release -p exuvia-runtime --example embed_runtime`

#![expect(clippy::print_stdout, reason = "an example shows its result")]

use std::error::Error;
use std::sync::Arc;

use exuvia_runtime::{Engine, EngineConfig, Limits, Outcome, Script};
use exuvia_tool::{
    ArgumentCheck, BoxFuture, CallError, Deadline, Json, Namespace, Parameter, Server, Tool, ToolAnnotations, ToolCall,
    ToolDescriptor, ToolHost, ToolOutcome,
};
use serde_json::{Value, json};

const SCRIPT: &str = "
import asyncio
squares = await asyncio.gather(*[math.square(n) for n in range(5)])
print('asked for', len(squares))
result = {'sum': sum(squares)}
";

/// One server, `math`, with one tool, `square`.
struct Tools {
    namespace: Namespace,
}

/// What a real host would check against the tool's schema.
struct NumberCheck;

impl ArgumentCheck for NumberCheck {
    fn check(&self, arguments: &Value) -> Result<(), String> {
        if arguments["n"].is_i64() { Ok(()) } else { Err("math.square: n must be an integer".into()) }
    }
}

impl Tools {
    fn new() -> Self {
        let descriptor = ToolDescriptor {
            name: "square".into(),
            title: None,
            description: Some("The square of a number.".into()),
            input_schema: json!({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}),
            output_schema: None,
            annotations: ToolAnnotations::default(),
        };
        let square = Tool {
            python_name: "square".into(),
            documentation: "The square of a number.".into(),
            signature: "square(n: int) -> int".into(),
            parameters: vec![Parameter { python_name: "n".into(), name: "n".into(), required: true }],
            accepts_other_keywords: false,
            arguments: Arc::new(NumberCheck),
            descriptor: Arc::new(descriptor),
        };
        Self { namespace: Namespace::new(vec![Server::new("math", "math", vec![square])]) }
    }
}

impl ToolHost for Tools {
    fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    fn call(&self, mut call: ToolCall, _: Deadline) -> BoxFuture<'static, ToolOutcome> {
        let outcome = answer(&self.namespace, &mut call);
        Box::pin(async move { outcome })
    }
}

/// The names in a call come from the guest: they are checked like everything else.
fn answer(namespace: &Namespace, call: &mut ToolCall) -> ToolOutcome {
    let tool = namespace.server(&call.name.server).and_then(|server| server.tool(&call.name.tool));
    let tool = tool.ok_or_else(|| CallError::UnknownTool(format!("there is no tool {}", call.name)))?;
    let arguments = call.arguments.tree().map_err(|error| CallError::InvalidArguments(error.to_string()))?;
    tool.arguments.check(arguments).map_err(CallError::InvalidArguments)?;
    let n = arguments["n"].as_i64().unwrap_or_default();
    Ok(Json::from_value(&json!(n.wrapping_mul(n))))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let engine = Engine::new(&EngineConfig { concurrent_runs: 1, ..EngineConfig::default() })?;
    let limits = Limits { fuel: 1_000_000_000, wall_ms: 10_000, ..Limits::default() };
    let report = engine.run(Script::new(SCRIPT), limits, Arc::new(Tools::new())).execute().await;
    match &report.outcome {
        Outcome::Returned(result) => println!("{}", result.as_str()),
        other => return Err(format!("{other:?}").into()),
    }
    print!("{}", report.logs.text);
    println!("{} calls, {} units of fuel", report.usage.tool_calls, report.usage.fuel);
    Ok(())
}
