//! The native module of the Python package `exuvia`: an engine per process, tools as Python callables, runs.
//!
//! The module `exuvia._native` is private to the package: `python/exuvia/_native.pyi` says what it offers, and `python/exuvia`
//! makes the public interface of it. Nothing here holds the global interpreter lock while a script runs: it is taken for calls of
//! tools, for events that somebody listens to, and for the report.

use pyo3::prelude::*;

mod budget;
mod calls;
mod gil;
mod limits;
mod messages;
mod process;
mod report;
mod run;
mod tools;

/// `exuvia._native`
#[pymodule]
mod _native {
    use exuvia_runtime::GUEST_DIGEST;
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::messages::{Reply, unraisable};
    #[pymodule_export]
    use crate::process::{close, configure, forked};
    #[pymodule_export]
    use crate::run::{Run, start};
    #[pymodule_export]
    use crate::tools::Tools;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("GUEST_DIGEST", GUEST_DIGEST)?;
        module.add("VERSION", env!("CARGO_PKG_VERSION"))?;
        module.add("DEFAULT_LIMITS", crate::limits::defaults(module.py())?)
    }
}
