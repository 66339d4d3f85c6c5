//! Tokens, against a real authorization server on loopback.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod authorization_server;
mod hostile;
mod login;
mod own_logins;
#[path = "../fake/permit.rs"]
mod permit;
mod tokens;
