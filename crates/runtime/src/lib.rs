//! Runs Python scripts in fresh, limited sandboxes.
//!
//! - An [`Engine`] per process: it maps the compiled guest (about 51 MB of the program's file, shared by all runs) and owns the
//!   memory and stacks that instances run in, one after the other. Starting one takes some milliseconds. Another [`Guest`] than the
//!   program's own is compiled first, which takes seconds.
//! - A [`Script`] per source: plain text.
//! - A [`Run`] per execution, consumed by it: a new CPython in a new store, discarded at the end however the run ends.
//! - An [`Instance`] per session, where scripts are to go on with what those before them left.
//! - A [`Report`] per run, always complete: outcome, logs, calls, usage.
//!
//! Tools reach the script as an [`exuvia_tool::ToolHost`]. This crate knows nothing of MCP, HTTP, keys or policy.
//! `examples/embed_runtime.rs` is a complete embedder. Whoever wants tools as async closures takes `exuvia-sandbox`, and whoever has a
//! wasmtime engine, linker and store, `exuvia-host`.
//!
//! ```no_run
//! # #[cfg(feature = "embedded-guest")]
//! # async fn run(tools: std::sync::Arc<dyn exuvia_runtime::exuvia_tool::ToolHost>) -> Result<(), Box<dyn std::error::Error>> {
//! use exuvia_runtime::{Engine, EngineConfig, Limits, Script};
//!
//! let engine = Engine::new(&EngineConfig::default())?;
//! let report = engine.run(Script::new("result = 6 * 7"), Limits::default(), tools).execute().await;
//! println!("{}", serde_json::to_string(&report)?);
//! # Ok(())
//! # }
//! ```
//!
//! # The guest
//!
//! With the feature `embedded-guest`, which is on by default, the program holds the compiled guest (63 MB), and `Engine::new` maps
//! it. The build script compiles it, in seconds if it is optimized: a debug build should have
//!
//! ```toml
//! [profile.dev.build-override]
//! opt-level = 2
//! ```
//!
//! Without it the program brings a component as a file (`exuvia guest export` writes one, and the crate `exuvia-guest` holds one),
//! compiles it when it starts, and takes [`Engine::with_guest`].

#[cfg(not(target_pointer_width = "64"))]
compile_error!("exuvia-runtime needs a 64-bit platform: each script has 4 GiB of address space of its own");

#[cfg(feature = "embedded-guest")]
mod artifact;
mod budget;
mod cleaning;
mod compile;
#[cfg(target_os = "linux")]
mod embedded;
mod engine;
mod engine_error;
mod guest;
mod instance;
mod memory;
#[cfg(all(target_os = "linux", feature = "embedded-guest"))]
mod program_file;
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
mod tree;

#[cfg(feature = "embedded-guest")]
pub use artifact::{GUEST_COMPONENT, GUEST_DIGEST};
pub use engine::{Engine, EngineConfig};
pub use engine_error::EngineError;
pub use exuvia_host::{Asking, EventSink, FUEL_SLICE, Hold, LogText, SystemIo};
pub use exuvia_tool;
pub use exuvia_tool::{ActiveTime, Limit, Limits};
pub use guest::Guest;
pub use instance::Instance;
pub use report::{LimitHit, Outcome, Report, ScriptError, Usage};
pub use run::Run;
pub use script::Script;
#[cfg(target_os = "linux")]
#[doc(hidden)]
pub use slots::{DirtyPages, Slots, counting_faults};
pub use tree::RunTree;

#[cfg(all(doctest, feature = "embedded-guest"))]
#[doc = include_str!("../README.md")]
struct Readme;
