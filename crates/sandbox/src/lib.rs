//! Runs Python scripts in fresh, limited sandboxes, with tools that are async Rust closures.
//!
//! A [`Sandbox`] holds the tools and the default limits of an application; it is built once and shared. Each script runs in a new
//! CPython inside WebAssembly, and ends with a [`Report`], however it ends. This crate joins `exuvia-runtime`, which executes scripts, to
//! `exuvia-catalog`, which gives tools their Python names, stubs and argument checks. It opens no file and no connection.
//!
//! ```no_run
//! # #[cfg(all(feature = "schemars", feature = "embedded-guest"))]
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use exuvia_sandbox::schemars::{self, JsonSchema};
//! use exuvia_sandbox::{Limits, Sandbox, ToolError};
//! use serde::{Deserialize, Serialize};
//!
//! /// Finds contacts by a part of their name.
//! #[derive(Deserialize, JsonSchema)]
//! struct Find {
//!     part: String,
//! }
//!
//! #[derive(Serialize, JsonSchema)]
//! struct Contact {
//!     name: String,
//!     city: String,
//! }
//!
//! let sandbox = Sandbox::builder()
//!     .limits(Limits { wall_ms: 10_000, ..Limits::default() })
//!     .tool("crm.find", |find: Find| async move {
//!         Ok::<_, ToolError>(vec![Contact { name: format!("{} Lovelace", find.part), city: "London".into() }])
//!     })
//!     .build()?;
//! // What the model reads before it writes a script.
//! println!("{}", sandbox.stubs());
//!
//! let report = sandbox.run("result = [contact['city'] for contact in crm.find('Ada')]").await;
//! println!("{}", serde_json::to_string(&report)?);
//! # Ok(())
//! # }
//! # #[cfg(not(all(feature = "schemars", feature = "embedded-guest")))]
//! # fn main() {}
//! ```
//!
//! - **Tools** ([`Tool`]): closures over the application's own types, whose schemas come from schemars; closures on threads of their own
//!   ([`Tool::blocking`]); closures that read what this run carries ([`Tool::with_call`]); or a JSON Schema with a closure over JSON
//!   ([`Tool::json`]). A script that sends other arguments than the schema allows gets an error that names the argument.
//! - **Logs** ([`SandboxRun::on_log`]) as they are printed, and every event of a run ([`SandboxRun::on_event`]).
//! - **Cancellation**: drop the future of a run, or give it a [`CancellationToken`], which still gives a report. Calls in flight are
//!   dropped with it.
//! - **Without async**: [`Sandbox::into_blocking`].
//!
//! # Features
//!
//! | feature | |
//! |---|---|
//! | `embedded-guest` (default) | the program holds the compiled guest, 63 MB; building it compiles that once. Without it: [`SandboxBuilder::engine`] |
//! | `schemars` (default) | [`Tool::new`] and its like; without it tools bring their JSON Schema ([`Tool::json`]) |
//!
//! serde_json is built with `arbitrary_precision` and `preserve_order` for the whole program: numbers cross as they are written.

mod blocking;
mod build_error;
mod builder;
mod call;
mod handler;
mod run;
mod sandbox;
#[cfg(feature = "schemars")]
mod schema;
mod tool;
mod tool_error;
mod tools;

pub use blocking::BlockingSandbox;
pub use build_error::BuildError;
pub use builder::SandboxBuilder;
pub use call::Call;
pub use exuvia_runtime::{
    Engine, EngineConfig, EngineError, Guest, Limit, LimitHit, Limits, LogText, Outcome, Report, Script, ScriptError,
    Usage,
};
pub use exuvia_tool::{
    Arguments, CallError, CallId, CallRecord, Deadline, Json, LogStream, Namespace, RunEvent, RunIo, ToolAnnotations,
    ToolDescriptor, ToolName,
};
pub use run::SandboxRun;
pub use sandbox::Sandbox;
#[cfg(feature = "schemars")]
pub use schema::NoArguments;
#[cfg(feature = "schemars")]
pub use schemars;
pub use tokio_util::sync::CancellationToken;
pub use tool::Tool;
pub use tool_error::ToolError;

#[cfg(all(doctest, feature = "embedded-guest", feature = "schemars"))]
#[doc = include_str!("../README.md")]
struct Readme;
