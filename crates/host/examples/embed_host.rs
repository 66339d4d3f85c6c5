//! A complete embedder on `exuvia-host`: a wasmtime engine, linker and store of one's own, the guest component, one tool, and the limits
//! that belong to the store's owner.
//!
//! `cargo run --release -p exuvia-host --example embed_host`

#![expect(clippy::print_stdout, reason = "an example shows its result")]

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use exuvia_host::{GuestOutcome, GuestPre, OutOfFuel, Sandbox, SandboxView, SystemIo, add_to_linker};
use exuvia_tool::{
    ArgumentCheck, BoxFuture, CallError, Deadline, Json, Limits, Namespace, Parameter, Server, Tool, ToolAnnotations,
    ToolCall, ToolDescriptor, ToolHost, ToolOutcome,
};
use serde_json::{Value, json};
use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Engine, Store, StoreLimits, StoreLimitsBuilder};

const SCRIPT: &str = "
print('hello from', __import__('sys').version.split()[0])
result = [math.square(n) for n in range(5)]
";

/// The guest's stack: CPython's C code recurses deeply.
const STACK_BYTES: usize = 32 << 20;

/// One server, `math`, with one tool, `square`.
struct Tools(Namespace);

/// The tool itself looks at what it is sent.
struct Unchecked;

impl ArgumentCheck for Unchecked {
    fn check(&self, _: &Value) -> Result<(), String> {
        Ok(())
    }
}

impl Tools {
    fn new() -> Self {
        let descriptor = ToolDescriptor {
            name: "square".into(),
            title: None,
            description: None,
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
            arguments: Arc::new(Unchecked),
            descriptor: Arc::new(descriptor),
        };
        Self(Namespace::new(vec![Server::new("math", "math", vec![square])]))
    }
}

impl ToolHost for Tools {
    fn namespace(&self) -> &Namespace {
        &self.0
    }

    /// The name comes from the guest, and so do the arguments: whatever they are, the answer is a value or an error.
    fn call(&self, mut call: ToolCall, _: Deadline) -> BoxFuture<'static, ToolOutcome> {
        Box::pin(async move {
            if (call.name.server.as_str(), call.name.tool.as_str()) != ("math", "square") {
                return Err(CallError::UnknownTool(format!("there is no tool {}", call.name)));
            }
            let n = call.arguments.tree().ok().and_then(|arguments| arguments["n"].as_i64());
            let n = n.ok_or_else(|| CallError::InvalidArguments("math.square: n must be an integer".into()))?;
            Ok(Json::from_value(&json!(n.wrapping_mul(n))))
        })
    }
}

/// What a store holds: the sandbox, and the limits that are not its own.
struct State {
    sandbox: Sandbox,
    memory: StoreLimits,
}

impl SandboxView for State {
    fn sandbox(&mut self) -> &mut Sandbox {
        &mut self.sandbox
    }
}

struct Host {
    engine: Engine,
    guest: GuestPre<State>,
}

impl Host {
    /// Once per process: compiles the component (this takes a while; `Component::serialize` keeps the result) and links it.
    fn new() -> wasmtime::Result<Self> {
        let mut config = Config::new();
        config.max_wasm_stack(STACK_BYTES).async_stack_size(STACK_BYTES + (1 << 20));
        let engine = Engine::new(&config)?;
        let component = Component::new(&engine, exuvia_guest::COMPONENT)?;
        let mut linker = Linker::<State>::new(&engine);
        add_to_linker(&mut linker)?;
        let guest = GuestPre::new(linker.instantiate_pre(&component)?)?;
        Ok(Self { engine, guest })
    }

    /// Once per script: a sandbox and a store, used for one run and dropped. What it came to and what was printed.
    async fn run(&self, script: &str, limits: &Limits) -> (String, String) {
        let sandbox = Sandbox::new(Arc::new(Tools::new()), Box::new(SystemIo::new()), limits, Arc::new(|_| {}));
        let log = sandbox.log().clone();
        let memory_bytes = usize::try_from(limits.memory_bytes).unwrap_or(usize::MAX);
        let memory = StoreLimitsBuilder::new().memory_size(memory_bytes).build();
        let mut store = Store::new(&self.engine, State { sandbox, memory });
        store.limiter(|state| &mut state.memory);
        let result_bytes = limits.result_bytes as u64;
        // The guest gives way to others whenever it asks for fuel, so that a timer can end it.
        let run = self.guest.run(&mut store, script.into(), result_bytes);
        let outcome = match tokio::time::timeout(Duration::from_millis(limits.wall_ms), run).await {
            Ok(Ok(GuestOutcome::Returned(result))) => result,
            Ok(Ok(GuestOutcome::Raised(error))) => format!("{}: {}", error.kind, error.message),
            Ok(Ok(other)) => format!("{other:?}"),
            Ok(Err(trap)) if trap.downcast_ref::<OutOfFuel>().is_some() => "out of fuel".into(),
            Ok(Err(trap)) => format!("{trap:#}"),
            Err(_) => "out of time".into(),
        };
        (outcome, log.text().text)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let host = Host::new()?;
    let limits = Limits { memory_bytes: 128 << 20, ..Limits::default() };
    let (outcome, log) = host.run(SCRIPT, &limits).await;
    println!("{log}{outcome}");
    for (script, limits) in [
        ("while True: pass", Limits { fuel: 50_000_000, ..limits.clone() }),
        ("while True: pass", Limits { wall_ms: 100, ..limits.clone() }),
        ("x = bytearray(1 << 30)", limits),
    ] {
        println!("{}", host.run(script, &limits).await.0);
    }
    Ok(())
}
