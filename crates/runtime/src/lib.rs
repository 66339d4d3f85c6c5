//! Runs Python scripts in fresh, limited sandboxes.
//!
//! - An [`Engine`] per process: it maps the compiled guest (about 56 MB of the program's file, shared by all runs) and owns the
//!   memory and stacks that instances run in, one after the other. Starting one takes some milliseconds. Another [`Guest`] than the
//!   program's own is compiled first, which takes seconds.
//! - A [`Script`] per source: plain text.
//! - A [`Run`] per execution, consumed by it: a new CPython in a new store, discarded at the end however the run ends.
//! - A [`Report`] per run, always complete: outcome, logs, calls, usage.
//!
//! Tools reach the script as an [`exuvia_tool::ToolHost`]. This crate knows nothing of MCP, HTTP, keys or policy.
//! `examples/embed_runtime.rs` is a complete embedder.

mod artifact;
mod budget;
mod cleaning;
mod compile;
#[cfg(target_os = "linux")]
mod embedded;
mod engine;
mod engine_error;
mod guest;
mod memory;
mod report;
mod report_json;
mod run;
mod run_end;
mod script;
#[cfg(target_os = "linux")]
mod sealed;
mod settings;
#[cfg(target_os = "linux")]
mod slots;
#[cfg(not(target_os = "linux"))]
#[path = "pool.rs"]
mod slots;
#[cfg(target_os = "linux")]
mod snapshot;
#[cfg(target_os = "linux")]
mod space;

pub use artifact::{GUEST_COMPONENT, GUEST_DIGEST};
pub use engine::{Engine, EngineConfig};
pub use engine_error::EngineError;
pub use exuvia_host::{Asking, EventSink, FUEL_SLICE, Hold, LogText, SystemIo};
pub use exuvia_tool::{ActiveTime, Limit, Limits};
pub use guest::Guest;
pub use report::{LimitHit, Outcome, Report, ScriptError, Usage};
pub use run::Run;
pub use script::Script;
#[cfg(target_os = "linux")]
#[doc(hidden)]
pub use slots::{DirtyPages, Slots};
