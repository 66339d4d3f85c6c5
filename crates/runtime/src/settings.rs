//! The settings of an engine as wasmtime knows them, but for where memory and stacks come from.

use crate::{EngineConfig, compile};

/// Room on a guest's stack for the host functions that it calls.
pub(crate) const HOST_STACK_BYTES: usize = 1 << 20;

/// The settings under which the artifact was compiled, with the stack that is configured.
pub(crate) fn wasmtime(config: &EngineConfig) -> wasmtime::Result<wasmtime::Config> {
    let mut wasm = compile::config(env!("EXUVIA_TARGET"))?;
    wasm.max_wasm_stack(config.stack_bytes);
    wasm.async_stack_size(config.stack_bytes + HOST_STACK_BYTES);
    Ok(wasm)
}
