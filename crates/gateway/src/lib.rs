//! From a script to its report.
//!
//! A [`Gateway`] joins the rooms: the namespace that scripts see, the engine that runs them, the grants they hold, the
//! journal, and the upstream servers. Every tool call takes one way through it, in `call.rs`: validate, authorise, record,
//! dispatch. [`meta`] holds the four tools that a model is given, and [`answer`] what it reads of a report.

pub mod answer;
mod call;
mod catalogue;
mod gateway;
pub mod meta;
mod run_runtime;
mod unknown;

pub use gateway::{Gateway, GatewayConfig, RunHandle};
