//! Servers over every transport: calls, starts, lives. One binary, because each links the whole client.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod breaker;
mod calls;
mod credentials;
#[path = "../fake/mod.rs"]
mod fake;
mod http;
mod http_headers;
mod http_rmcp;
mod life;
mod order;
mod pairs;
mod questions;
mod reconfigure;
mod refresh;
mod sharing;
mod starts;
