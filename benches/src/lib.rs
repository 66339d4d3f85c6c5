//! What Exuvia costs. The suites in `benches/` share what is here: an engine, tools that live in this process, the
//! workloads, readings of this process's memory, and a table to print.

pub mod fuel;
pub mod memory;
pub mod native;
pub mod orders;
pub mod plot;
mod served;
mod table;
mod tools;
pub mod workloads;

use std::sync::Arc;

use anyhow::{Result, bail};
use exuvia_runtime::{Engine, EngineConfig, EngineError, Limits, Outcome, Report, Script};
use exuvia_tool::ToolHost;
use tokio::runtime::{Builder, Runtime};

pub use served::Served;
pub use table::{Table, bytes, seconds};
pub use tools::BenchTools;

/// An engine as the program uses it.
///
/// # Errors
///
/// It does not start.
pub fn engine() -> Result<Engine, EngineError> {
    Engine::new(&EngineConfig::default())
}

/// One thread and its timers: what is measured is one run, and a single thread makes its order the same every time.
///
/// # Errors
///
/// The machine refuses.
pub fn one_thread() -> std::io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// Runs a script under the limits that all suites use.
pub async fn run(engine: &Engine, source: &str, tools: Arc<dyn ToolHost>) -> Report {
    engine.run(Script::new(source), Limits::default(), tools).execute().await
}

/// The result of a run that returned, as JSON text.
///
/// # Errors
///
/// It came to another end.
pub fn returned(report: &Report) -> Result<&str> {
    match &report.outcome {
        Outcome::Returned(result) => Ok(result.as_str()),
        other => bail!("the script did not return: {other:?}"),
    }
}
