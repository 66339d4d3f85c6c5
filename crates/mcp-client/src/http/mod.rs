//! Servers over HTTP.

mod body;
mod client;
mod command;
mod cookies;
mod error;
mod events;
mod headers;
mod post;
mod session;
mod sse;
mod stream;
mod streamable;
mod transport;

pub(crate) use client::HttpClient;
pub(crate) use error::{HttpError, HttpErrorKind};
pub(crate) use events::{Data, Events};
pub use headers::authorization;
pub(crate) use sse::connect as connect_sse;
pub(crate) use transport::transport as streamable;
