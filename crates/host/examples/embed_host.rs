//! A complete embedder on `exuvia-host`: a wasmtime engine, linker and store of one's own, and the guest component.
//!
//! `cargo run --release -p exuvia-host --example embed_host`

#![expect(clippy::print_stdout, reason = "an example shows its result")]

use std::error::Error;
use std::sync::Arc;

use exuvia_host::{GuestOutcome, GuestPre, Sandbox, SystemIo, add_to_linker};
use exuvia_tool::{BoxFuture, CallError, Deadline, Limits, Namespace, ToolCall, ToolHost, ToolOutcome};
use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Engine, Store};

const SCRIPT: &str = "
print('hello from', __import__('sys').version.split()[0])
result = [n * n for n in range(5)]
";

/// The guest's stack: CPython's C code recurses deeply.
const STACK_BYTES: usize = 32 << 20;

/// The result that the guest may return, in bytes.
const RESULT_BYTES: u64 = 1 << 20;

/// A host without tools.
struct NoTools(Namespace);

impl ToolHost for NoTools {
    fn namespace(&self) -> &Namespace {
        &self.0
    }

    fn call(&self, call: ToolCall, _: Deadline) -> BoxFuture<'static, ToolOutcome> {
        Box::pin(async move { Err(CallError::UnknownTool(format!("there is no tool {}", call.name))) })
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut config = Config::new();
    config.max_wasm_stack(STACK_BYTES).async_stack_size(STACK_BYTES + (1 << 20));
    let engine = Engine::new(&config)?;

    // Once per process: compile the component (this takes a while; `Component::serialize` keeps the result) and link it.
    let component = Component::new(&engine, exuvia_guest::COMPONENT)?;
    let mut linker = Linker::<Sandbox>::new(&engine);
    add_to_linker(&mut linker)?;
    let guest = GuestPre::new(linker.instantiate_pre(&component)?)?;

    // Once per script: a sandbox and a store, used for one run and dropped.
    let (tools, limits) = (NoTools(Namespace::default()), Limits { log_bytes: 64 << 10, ..Limits::default() });
    let sandbox = Sandbox::new(Arc::new(tools), Box::new(SystemIo::new()), &limits, Arc::new(|_| {}));
    let log = sandbox.log().clone();
    let mut store = Store::new(&engine, sandbox);
    let outcome = guest.run(&mut store, SCRIPT, RESULT_BYTES).await?;

    print!("{}", log.text().text);
    match outcome {
        GuestOutcome::Returned(result) => println!("{result}"),
        other => return Err(format!("{other:?}").into()),
    }
    Ok(())
}
