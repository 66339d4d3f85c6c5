//! What is wrong with a suite.

use std::fmt;
use std::path::{Path, PathBuf};

/// A file of a suite cannot be read, written or understood. `Display` names the file and is for whoever wrote the suite.
#[derive(Debug)]
pub struct SuiteError {
    file: PathBuf,
    message: String,
}

impl SuiteError {
    /// About `file`.
    #[must_use]
    pub fn new(file: &Path, message: impl fmt::Display) -> Self {
        Self { file: file.to_owned(), message: message.to_string() }
    }
}

impl fmt::Display for SuiteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file.display(), self.message)
    }
}

impl std::error::Error for SuiteError {}
