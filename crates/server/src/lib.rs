//! MCP for clients of the gateway.
//!
//! [`serve_stdio`] speaks MCP over standard input and output, [`http`] over Streamable HTTP, both in the eras up to 2025-11-25
//! and 2026-07-28, whichever the client opens with. They answer at once, while the upstream servers may still be starting;
//! only a call that needs a server waits for it.

#![deny(clippy::disallowed_methods, reason = "calls go through the permits of exuvia-upstream")]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by a panic"))]

mod cancelled;
mod changes;
mod client;
mod direct;
mod face;
mod follow;
#[doc(hidden)]
pub mod fuzzing;
pub mod http;
mod lines;
mod mistakes;
mod named;
mod pending;
mod pipe;
mod refused;
mod sift;
mod stdio;
mod traced;
mod updates;

pub use pending::PendingGateway;
pub use stdio::{ServeError, ServeErrorKind, serve_stdio};
