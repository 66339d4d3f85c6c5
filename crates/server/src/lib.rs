//! MCP for clients of the gateway.
//!
//! [`serve_stdio`] speaks MCP over standard input and output, [`http`] over Streamable HTTP, both in the eras up to 2025-11-25
//! and 2026-07-28, whichever the client opens with. They answer at once, while the upstream servers may still be starting;
//! only a call that needs a server waits for it.

#![deny(clippy::disallowed_methods, reason = "calls go through the permits of exuvia-upstream")]

mod changes;
mod client;
mod client_span;
mod detached_runs;
mod direct;
#[doc(hidden)]
pub mod fuzzing;
pub mod http;
mod invalid_message;
mod large_arguments;
mod lines;
mod mcp_handler;
mod mistakes;
mod pending_gateway;
mod pipe;
mod progress;
mod questions;
mod request_span;
mod script_questions;
mod stdio;
mod updates;
mod viewer;
mod workspace_files;

pub use mcp_handler::METHODS;
pub use pending_gateway::PendingGateway;
pub use stdio::{ServeError, ServeErrorKind, serve_stdio};
