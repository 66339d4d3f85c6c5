//! One file per command.

pub(crate) mod bench;
pub(crate) mod check;
pub(crate) mod config;
pub(crate) mod login;
pub(crate) mod run;
pub(crate) mod serve;
pub(crate) mod shapes;
pub(crate) mod stdio;
pub(crate) mod tokens;
pub(crate) mod tools;
