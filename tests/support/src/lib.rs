//! What the tests of all crates and the benches share: the data files, snapshots and the one switch that writes them anew, the
//! recorded catalogs, tools without a server, made-up programs, a world that repeats itself, processes, servers of PostgreSQL, and an
//! identity provider.
//!
//! It depends on `exuvia-tool` alone, so that the tests of every crate above may use it. What needs a gateway, a server or
//! the program is in the library of `exuvia-tests`.

mod catalogs;
mod data;
pub mod identity_provider;
pub mod mutations;
pub mod postgres;
mod processes;
pub mod programs;
mod scripted;
mod snapshot;
mod tools;

pub use catalogs::{Catalog, catalogs, descriptor};
pub use data::{built, data, files};
pub use processes::{children, ends_within, forget_peak, gone, peak_bytes, runs};
pub use scripted::ScriptedIo;
pub use snapshot::{assert_snapshot, compared, is_blessing};
pub use tools::any_tool;
