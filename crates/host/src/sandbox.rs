//! The state of one run, as its store holds it.

use std::sync::Arc;
use std::time::Duration;

use exuvia_tool::{LogStream, RunEvent, RunIo, ToolHost};
use wasmtime::component::ResourceTable;
use wasmtime_wasi::WasiCtx;

use crate::calls::{CallLog, Calls};
use crate::log::Log;

/// The largest number of resources (streams, pollables, pending calls) that one guest may hold. Started calls are the only
/// ones that a well-behaved guest makes many of.
const RESOURCES_BESIDE_CALLS: usize = 1_000;

/// Hears what happens in a run, as it happens. Called from the task that runs the guest: it must return quickly and never
/// block.
pub type EventSink = Arc<dyn Fn(RunEvent) + Send + Sync>;

/// The limits that this crate enforces: those on calls and on output. Fuel, memory and time are limits of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallLimits {
    /// Calls in one run. The next one ends the run with [`ToolCallsExhausted`](crate::ToolCallsExhausted).
    pub tool_calls: u64,
    /// Calls that are with the [`ToolHost`] at the same time. Further ones wait, first come first served.
    pub concurrent_calls: usize,
    /// How long one call may take, from its turn to its answer. After it the script meets an error that it can catch.
    pub call_timeout: Duration,
    /// The largest arguments of one call, in bytes of JSON. Larger ones are an error that the script can catch.
    pub call_arguments_bytes: usize,
    /// The largest answer of one call, in bytes of JSON. A larger one is an error that the script can catch.
    pub call_result_bytes: usize,
    /// What the host holds for the calls of a run, together, in bytes of JSON: arguments of calls that have no answer yet,
    /// and answers that the script has not taken. A call that would go over it is an error that the script can catch.
    pub held_bytes: usize,
    /// The log. What goes over it is dropped and counted.
    pub log_bytes: usize,
}

/// The state of one run: what a store's data holds, and what the imports of the guest work on.
pub struct Sandbox {
    pub(crate) table: ResourceTable,
    pub(crate) wasi: WasiCtx,
    pub(crate) io: Box<dyn RunIo>,
    pub(crate) calls: Calls,
    pub(crate) log: Log,
}

/// Gives access to the [`Sandbox`] in a store's data.
pub trait SandboxView: Send + 'static {
    /// The sandbox of this store.
    fn sandbox(&mut self) -> &mut Sandbox;
}

impl SandboxView for Sandbox {
    fn sandbox(&mut self) -> &mut Sandbox {
        self
    }
}

impl Sandbox {
    /// The state of a run that is about to start.
    #[must_use]
    pub fn new(tools: Arc<dyn ToolHost>, io: Box<dyn RunIo>, limits: &CallLimits, events: EventSink) -> Self {
        let log = Log::new(limits.log_bytes, Arc::clone(&events));
        let mut table = ResourceTable::new();
        let pending_calls = usize::try_from(limits.tool_calls).unwrap_or(usize::MAX);
        table.set_max_capacity(pending_calls.saturating_add(RESOURCES_BESIDE_CALLS));
        let wasi = WasiCtx::builder()
            .stdout(log.native_stream(LogStream::Stdout))
            .stderr(log.native_stream(LogStream::Stderr))
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false)
            .build();
        Self { table, wasi, io, calls: Calls::new(tools, limits, events), log }
    }

    /// The log. A clone of it outlives the store.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The record of the calls. A clone of it outlives the store.
    #[must_use]
    pub fn call_log(&self) -> &CallLog {
        self.calls.log()
    }
}
