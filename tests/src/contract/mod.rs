//! The contract suite: cases as data (`tests/contract`), run by every host of the guest.

mod case;
mod ending;
mod hosts;
mod own_engine;
mod program;
mod tools;

use std::path::PathBuf;

pub use case::{Answer, ContractCase, ExpectedCall, contract_cases};
pub use ending::Ending;
pub use hosts::{HostFile, host_files, host_table, needs};
pub use own_engine::OwnEngine;
pub use program::run_by_program;
pub use tools::{ContractTools, contract_tools, tools_text};

use crate::here;

/// A file or folder of the suite.
#[must_use]
pub fn contract(path: &str) -> PathBuf {
    here().join("contract").join(path)
}
