//! Suites: what Exuvia costs, measured by data instead of by code.
//!
//! - [`bench`](mod@bench) runs a folder of Python [workloads](bench::Workload), each under the budget that its header states, and
//!   reports for each whether it passed, which limit stopped it, its fuel, memory and time. `exuvia bench` is this.
//! - [`tokens`] plays tasks of an agent against the real gateway, and counts what they cost beside a model that has every tool in
//!   its context. `exuvia tokens` is this.
//!
//! A suite is a folder that anybody can write. The crate reads files and runs scripts; it starts no process and opens no connection.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use exuvia_suite::bench::{Report, Workload, measure};
//! use exuvia_runtime::{Engine, EngineConfig};
//!
//! let engine = Engine::new(&EngineConfig::default())?;
//! let mut report = Report::default();
//! for workload in Workload::below("benches/suites/workloads".as_ref())? {
//!     report.add(measure(&engine, &workload, 3).await);
//! }
//! assert!(report.failures().is_empty());
//! # Ok(()) }
//! ```

pub mod bench;
mod error;
mod files;
mod numbers;
mod table;
pub mod tokens;

pub use error::SuiteError;
