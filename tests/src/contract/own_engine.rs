//! The guest in an engine, linker and store of the test's own, through `exuvia-host`.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use exuvia_host::{
    GuestOutcome, GuestPre, OutOfFuel, Sandbox, SandboxView, SystemIo, ToolCallsExhausted, add_to_linker,
};
use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Engine, OptLevel, Store, StoreLimits, StoreLimitsBuilder};
use wasmtime_wasi::I32Exit;

use super::{ContractCase, ContractTools, Ending};

/// The guest's stack, in bytes: CPython's C code recurses deeply.
const STACK_BYTES: usize = 32 << 20;

/// Such an engine, with the guest compiled for it.
pub struct OwnEngine {
    engine: Engine,
    guest: GuestPre<State>,
}

struct State {
    sandbox: Sandbox,
    memory: StoreLimits,
}

impl SandboxView for State {
    fn sandbox(&mut self) -> &mut Sandbox {
        &mut self.sandbox
    }
}

impl OwnEngine {
    /// Compiles the guest: quickly rather than well.
    ///
    /// # Errors
    ///
    /// It does not fit this host.
    pub fn new() -> Result<Self> {
        let mut config = Config::new();
        config
            .max_wasm_stack(STACK_BYTES)
            .async_stack_size(STACK_BYTES + (1 << 20))
            .cranelift_opt_level(OptLevel::None);
        let engine = Engine::new(&config)?;
        let component = Component::new(&engine, exuvia_guest::COMPONENT)?;
        let mut linker = Linker::<State>::new(&engine);
        add_to_linker(&mut linker)?;
        let guest = GuestPre::new(linker.instantiate_pre(&component)?)?;
        Ok(Self { engine, guest })
    }

    /// Runs a case.
    ///
    /// # Errors
    ///
    /// The case cannot be read.
    pub async fn run(&self, case: &ContractCase) -> Result<Ending> {
        let (limits, source) = (case.limits()?, case.source());
        if source.len() > limits.source_bytes {
            let mut ending = Ending::default();
            ending.stopped("source_bytes");
            return Ok(ending);
        }
        let io = Box::new(SystemIo::new());
        let sandbox = Sandbox::new(ContractTools::new(case)?, io, &limits, Arc::new(|_| {}));
        let (log, calls) = (sandbox.log().clone(), sandbox.call_log().clone());
        let memory = StoreLimitsBuilder::new().memory_size(usize::try_from(limits.memory_bytes)?).build();
        let mut store = Store::new(&self.engine, State { sandbox, memory });
        store.limiter(|state| &mut state.memory);
        let run = self.guest.run(&mut store, &source, limits.result_bytes as u64);
        let ended = tokio::time::timeout(Duration::from_millis(limits.wall_ms), run).await;
        drop(store);
        let mut ending = Ending::new(log.text().text, &calls.records());
        match ended {
            Ok(Ok(outcome)) => returned(&mut ending, outcome),
            Ok(Err(trap)) => trapped(&mut ending, &trap),
            Err(_) => ending.stopped("wall_ms"),
        }
        Ok(ending)
    }
}

fn returned(ending: &mut Ending, outcome: GuestOutcome) {
    match outcome {
        GuestOutcome::Returned(result) => ending.returned(result),
        GuestOutcome::Raised(error) => ending.failed("raised", &error),
        GuestOutcome::Exited(error) => {
            ending.failed("raised", &error);
            ending.error_kind = Some("exited".into());
        }
        GuestOutcome::Denied(error) => ending.failed("denied", &error),
        GuestOutcome::OutOfMemory(_) => ending.stopped("memory_bytes"),
        GuestOutcome::ResultTooLarge(_) => ending.stopped("result_bytes"),
    }
}

fn trapped(ending: &mut Ending, trap: &wasmtime::Error) {
    if trap.downcast_ref::<OutOfFuel>().is_some() {
        ending.stopped("fuel");
    } else if trap.downcast_ref::<ToolCallsExhausted>().is_some() {
        ending.stopped("tool_calls");
    } else if trap.downcast_ref::<I32Exit>().is_some() {
        ending.outcome = "raised".into();
        ending.error_kind = Some("exited".into());
    } else {
        ending.outcome = format!("{trap:#}");
    }
}
