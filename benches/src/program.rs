//! The program itself, for the suites that measure it from outside.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};

/// The `exuvia` that was built beside this suite.
///
/// # Errors
///
/// It is not there.
pub fn program() -> Result<PathBuf> {
    let suite = std::env::current_exe().context("the path of this suite")?;
    let profile = suite.parent().and_then(|deps| deps.parent()).context("target/PROFILE/deps")?;
    let program = profile.join("exuvia");
    ensure!(program.exists(), "exuvia is not built: `cargo build --release` first");
    Ok(program)
}
