//! Tokens, against a real authorization server on loopback.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod authorization_server;
mod hostile;
mod login;
#[path = "../fake/permit.rs"]
mod permit;
mod own_logins;
mod tokens;
