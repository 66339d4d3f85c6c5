//! Workloads under budgets.

mod baseline;
mod expectation;
mod lab;
mod measure;
mod plot;
mod report;
mod workload;
mod world;

pub use baseline::{Baseline, Tolerance};
pub use expectation::Expectation;
pub use measure::{Measurement, measure};
pub use plot::write_plots;
pub use report::Report;
pub use workload::Workload;
