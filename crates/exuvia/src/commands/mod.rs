//! One file per command.

pub(crate) mod check;
pub(crate) mod config;
pub(crate) mod login;
pub(crate) mod run;
pub(crate) mod serve;
pub(crate) mod stdio;
pub(crate) mod tools;
