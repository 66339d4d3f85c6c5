//! `exuvia.toml`: as it is written, its schema, and what it comes to.
//!
//! A file is read to a [document], checked against the schema that editors use (`schema`), then [resolved](resolve): variables,
//! paths, defaults. Each step tells all of its errors and hands on what is right, so that everything wrong is told at once.

mod bytes;
mod complaint;
mod document;
mod http;
mod limits;
pub(crate) mod policy;
pub(crate) mod profile;
mod resolve;
mod schema;
mod server;
mod written;

pub use limits::{LEAST_FUEL, LEAST_MEMORY_BYTES, LEAST_WALL_MS};
pub(crate) use resolve::file;
pub use schema::schema;
