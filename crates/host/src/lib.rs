//! Implements the interface in `wit/` for hosts written in Rust: the imports `tools`, `output` and `meter`, and the WASI subset
//! that CPython needs, on any [`wasmtime::component::Linker`].
//!
//! A store holds one [`Sandbox`]: the state of one run. It answers the guest's tool calls from a
//! [`ToolHost`](exuvia_tool::ToolHost), takes time and randomness from a [`RunIo`](exuvia_tool::RunIo), and keeps a bounded log
//! and a record of the calls, within those of the [`Limits`](exuvia_tool::Limits) that concern calls, output and fuel. What is
//! not linked cannot be reached: there is no network and no environment, and there are files only where the [`RunIo`](exuvia_tool::RunIo) has some.
//!
//! This crate knows nothing of MCP, HTTP, keys or policy, and it sets no limits on memory or time: those belong to the
//! store's owner. `exuvia-runtime` is that owner for most users; `examples/embed_host.rs` is a complete one.

mod bindings;
mod call_log;
mod calls;
mod clocks;
mod events;
mod files;
mod guest;
mod hold;
mod log;
mod meter;
mod no_io;
mod random;
mod sandbox;
mod stop;
mod system_io;
mod tools;
mod wasi;

pub use call_log::CallLog;
pub use events::EventSink;
pub use files::MOUNT;
pub use guest::{Guest, GuestOutcome, GuestPre, ScriptError};
pub use hold::{Asking, Hold};
pub use log::{Log, LogText};
pub use meter::{FUEL_SLICE, SharedFuel};
pub use sandbox::{Sandbox, SandboxView};
pub use stop::{FuelClaimed, OutOfFuel, ToolCallsExhausted};
pub use system_io::SystemIo;
pub use wasi::add_to_linker;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
