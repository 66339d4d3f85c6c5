//! Gates that are commands of their own.

use std::env;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

/// The tests that take too long for the test command.
pub(crate) fn ignored_tests() -> Result<String> {
    let cargo = env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let status = Command::new(cargo)
        .args(["test", "--release", "--", "--ignored"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .status()
        .context("cargo test")?;
    ensure!(status.success(), "cargo test --release -- --ignored: {status}");
    Ok("cargo test --release -- --ignored".into())
}
