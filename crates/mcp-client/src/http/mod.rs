//! Servers over HTTP.

mod body;
mod client;
mod command;
mod cookies;
mod events;
mod headers;
mod post;
mod session;
mod sse;
mod stream;
mod streamable;
mod transport;
mod trouble;

pub(crate) use client::Client;
pub(crate) use events::{Data, Events};
pub use headers::authorization;
pub(crate) use sse::connect as connect_sse;
pub(crate) use transport::transport as streamable;
pub(crate) use trouble::{Kind, Trouble};
