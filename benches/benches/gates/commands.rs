//! Gates that are commands of their own.

use std::env;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

/// The tests that take too long for the test command.
pub(crate) fn ignored_tests() -> Result<String> {
    let status = cargo().args(["test", "--release", "--", "--ignored"]).status().context("cargo test")?;
    ensure!(status.success(), "cargo test --release -- --ignored: {status}");
    Ok("cargo test --release -- --ignored".into())
}

/// Cargo, on the whole workspace.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var("CARGO").unwrap_or_else(|_| "cargo".into()));
    command.current_dir("..");
    // What cargo says of the package whose gates these are. Build scripts that look at it would be run again, and what they build.
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
            command.env_remove(name);
        }
    }
    command
}
