//! Tokens, against a real authorisation server on loopback.
#![allow(missing_docs, clippy::unwrap_used)]

mod authorization_server;
mod hostile;
mod login;
#[path = "../fake/permit.rs"]
mod permit;
mod tokens;
