//! The engine and the threads of this process.

use std::sync::{Mutex, PoisonError};

use exuvia_runtime::{Engine, EngineConfig};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use tokio::runtime::{Builder, Runtime};

use crate::gil;

/// What all runs of one process share.
pub(crate) struct Process {
    pid: u32,
    pub(crate) engine: Engine,
    pub(crate) runtime: Runtime,
}

struct State {
    config: Option<EngineConfig>,
    process: Option<&'static Process>,
}

/// Locked only while the global interpreter lock is held, and not across anything that gives that up: a process that is forked from
/// Python never finds it locked.
static STATE: Mutex<State> = Mutex::new(State { config: None, process: None });

impl Process {
    /// That of this process, started when it is first asked for.
    ///
    /// Threads do not survive a fork, so a child has one of its own. What it inherited is left as it is: dropping it would wait for
    /// threads that are not there.
    pub(crate) fn current(_: Python<'_>) -> PyResult<&'static Self> {
        if gil::is_closed() {
            return Err(PyRuntimeError::new_err("the interpreter is shutting down: no script can be started"));
        }
        let mut state = STATE.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(process) = state.process.filter(|process| process.is_current()) {
            return Ok(process);
        }
        let config = state.config.clone().unwrap_or_default();
        let process: &'static Self = Box::leak(Box::new(Self::start(&config)?));
        state.process = Some(process);
        Ok(process)
    }

    fn start(config: &EngineConfig) -> PyResult<Self> {
        let engine = Engine::new(config).map_err(|error| PyRuntimeError::new_err(error.to_string()))?;
        let runtime = Builder::new_multi_thread().thread_name("exuvia").enable_time().build();
        let runtime = runtime.map_err(|error| PyRuntimeError::new_err(format!("starting threads: {error}")))?;
        Ok(Self { pid: std::process::id(), engine, runtime })
    }

    /// Whether it was started by this process, and not by one that this one was forked from.
    pub(crate) fn is_current(&self) -> bool {
        self.pid == std::process::id()
    }
}

/// Sets up the engine of this process and its children. None keeps a default.
#[pyfunction]
#[pyo3(signature = (*, concurrent_runs=None, runs_memory_bytes=None, stack_bytes=None))]
pub(crate) fn configure(
    concurrent_runs: Option<u32>,
    runs_memory_bytes: Option<u64>,
    stack_bytes: Option<usize>,
) -> PyResult<()> {
    let mut state = STATE.lock().unwrap_or_else(PoisonError::into_inner);
    if state.process.is_some_and(Process::is_current) {
        return Err(PyRuntimeError::new_err("the engine has been started: call configure before the first script"));
    }
    let default = EngineConfig::default();
    state.config = Some(EngineConfig {
        concurrent_runs: concurrent_runs.unwrap_or(default.concurrent_runs).max(1),
        runs_memory_bytes: runs_memory_bytes.unwrap_or(default.runs_memory_bytes),
        stack_bytes: stack_bytes.unwrap_or(default.stack_bytes),
        ..default
    });
    Ok(())
}

/// Keeps the threads of this process from touching the interpreter, which is about to end.
#[pyfunction]
pub(crate) fn close(py: Python<'_>) {
    gil::close(py);
}

/// To be called in each child of a fork.
#[pyfunction]
pub(crate) fn forked() {
    gil::forked();
}
