//! The MCP face of the gateway: what a client of Exuvia connects to.
//!
//! [`serve_stdio`] speaks MCP over standard input and output, in the eras up to 2025-11-25 and 2026-07-28, whichever the
//! client opens with. It answers at once, while the upstream servers may still be starting; only a call that needs them
//! waits for them.

mod face;
mod stdio;

pub use face::PendingGateway;
pub use stdio::{ServeError, serve_stdio};
