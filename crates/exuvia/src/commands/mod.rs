//! A file or folder for each command.

pub(crate) mod approvals;
pub(crate) mod audit;
pub(crate) mod bench;
pub(crate) mod budgets;
pub(crate) mod check;
pub(crate) mod config;
pub(crate) mod daemon;
mod daemons;
pub(crate) mod functions;
pub(crate) mod guest;
mod guest_engines;
pub(crate) mod keys;
pub(crate) mod login;
pub(crate) mod replay;
pub(crate) mod run;
pub(crate) mod runs;
pub(crate) mod serve;
pub(crate) mod sessions;
pub(crate) mod shapes;
pub(crate) mod shell_files;
pub(crate) mod stdio;
pub(crate) mod tokens;
pub(crate) mod tools;
pub(crate) mod workspace;
