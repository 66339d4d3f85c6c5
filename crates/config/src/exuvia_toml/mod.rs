//! `exuvia.toml`: as it is written, its schema, and what it comes to.
//!
//! A file is read to a [document], checked against the schema that editors use (`schema`), then [resolved](resolve): variables,
//! paths, defaults. Each step reports all of its errors and passes on what is valid, so that all errors are reported at once.

mod access;
mod access_types;
mod admin;
mod admin_types;
mod approvals;
mod approvals_types;
mod budget;
mod budget_types;
mod bytes;
mod document;
mod file_types;
mod functions;
mod functions_types;
mod http;
mod identity_provider;
mod identity_provider_types;
mod journal;
mod limits;
mod policy;
mod profile;
mod resolve;
mod resolve_limits;
mod role_credential;
mod schema;
mod schema_errors;
mod server;
mod session_types;
mod workspace;
mod workspace_types;

pub use limits::{LEAST_FUEL, LEAST_MEMORY_BYTES, LEAST_WALL_MS};
pub(crate) use resolve::file;
pub use schema::schema;
