//! Scripts that are named on the command line.

use std::io::{Read as _, stdin};
use std::path::Path;

use anyhow::{Context as _, Result};
use exuvia_runtime::Script;

/// The script in this file, or, for `-`, on standard input.
pub(crate) fn read(file: &Path) -> Result<Script> {
    if file == Path::new("-") {
        let mut source = String::new();
        stdin().read_to_string(&mut source).context("reading the script from standard input")?;
        return Ok(Script::new(source));
    }
    std::fs::read_to_string(file).map(Script::new).with_context(|| file.display().to_string())
}
