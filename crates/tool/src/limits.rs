//! The limits of a run, each of them declared here and nowhere else.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Scripts that execute at the same time, by default.
pub const CONCURRENT_RUNS: u32 = 16;

/// The limits of one run. Every field has a value: nothing is unlimited by being absent.
///
/// | limit | at the limit |
/// |---|---|
/// | `fuel`, `wall_ms`, `tool_calls` | the run is stopped; the script cannot catch it |
/// | `memory_bytes` | the script meets a `MemoryError`; uncaught, the run is stopped |
/// | `call_timeout_ms`, `call_arguments_bytes`, `call_result_bytes`, `buffered_bytes` | the call fails with an error that the script can catch |
/// | `concurrent_calls` | further calls wait their turn |
/// | `hold_ms` | the run is parked, and goes on when its approvals are answered |
/// | `log_bytes` | the log is cut; the report says by how much |
/// | `result_bytes` | the run is stopped, and says how large the result was |
/// | `source_bytes` | the script is refused before it starts |
///
/// The depth of the stack is a limit of the engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Work, in units of fuel: two billion are about a second of Python. The guest counts them (interface `meter` in `wit/`). Default 20 G.
    /// Does not cover host calls, instantiation, or time spent waiting.
    pub fuel: u64,
    /// Time from the start of the script to its end, in milliseconds, waiting for tools included, but not for memory that other
    /// runs hold, nor for approvals alone. Default 120,000. What a gateway needs to read the script before it starts counts; waiting for a turn does not.
    pub wall_ms: u64,
    /// Memory of the guest, the interpreter's own included, in bytes. Default 256 MiB. Does not cover what the host holds
    /// for the run: its script, its log, its result, and buffered answers.
    pub memory_bytes: u64,
    /// Calls of tools. Default 10,000.
    pub tool_calls: u64,
    /// Calls that are with their tools at the same time. Default 32.
    pub concurrent_calls: usize,
    /// How long one call may take, in milliseconds. Default 30,000. Waiting for its turn, or for an approval, does not count.
    pub call_timeout_ms: u64,
    /// How long a run waits with its instance for approvals of its calls, in milliseconds, each time that it waits for nothing else. Default
    /// 60,000. Then it is parked, and whoever had it run is answered.
    pub hold_ms: u64,
    /// The arguments of one call, in bytes of JSON. Default 4 MiB. Arguments that would take more than 48 MiB of memory as a tree,
    /// as some hundred thousand numbers do, are made without a look at the tool's schema.
    pub call_arguments_bytes: usize,
    /// The answer of one call, in bytes of JSON. Default 16 MiB.
    pub call_result_bytes: usize,
    /// Arguments of calls that have no answer yet and answers that the script has not taken, together, in bytes of JSON.
    /// Default 128 MiB.
    pub buffered_bytes: usize,
    /// What the script prints, in bytes. Default 256 KiB.
    pub log_bytes: usize,
    /// The result, in bytes of JSON. Default 16 MiB.
    pub result_bytes: usize,
    /// The script, in bytes. Default 1 MiB.
    pub source_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fuel: 20_000_000_000,
            wall_ms: 120_000,
            memory_bytes: 256 << 20,
            tool_calls: 10_000,
            concurrent_calls: 32,
            call_timeout_ms: 30_000,
            hold_ms: 60_000,
            call_arguments_bytes: 4 << 20,
            call_result_bytes: 16 << 20,
            buffered_bytes: 128 << 20,
            log_bytes: 256 << 10,
            result_bytes: 16 << 20,
            source_bytes: 1 << 20,
        }
    }
}

impl Limits {
    /// [`call_timeout_ms`](Self::call_timeout_ms).
    #[must_use]
    pub fn call_timeout(&self) -> Duration {
        Duration::from_millis(self.call_timeout_ms)
    }
}

/// A limit that can stop a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Limit {
    /// [`Limits::fuel`]
    Fuel,
    /// [`Limits::wall_ms`]
    WallMs,
    /// [`Limits::memory_bytes`]
    MemoryBytes,
    /// [`Limits::tool_calls`]
    ToolCalls,
    /// How deep the stack of a guest may get: a limit of the engine.
    StackBytes,
    /// [`Limits::result_bytes`]
    ResultBytes,
    /// [`Limits::source_bytes`]
    SourceBytes,
}

impl Limit {
    /// The name of the field that holds it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Fuel => "fuel",
            Self::WallMs => "wall_ms",
            Self::MemoryBytes => "memory_bytes",
            Self::ToolCalls => "tool_calls",
            Self::StackBytes => "stack_bytes",
            Self::ResultBytes => "result_bytes",
            Self::SourceBytes => "source_bytes",
        }
    }
}
