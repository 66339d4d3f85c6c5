//! Why a file is no function.

use std::fmt;

/// Why a file is no function. `Display` is for whoever wrote it: it names the line and what to write, and no path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionError {
    line: Option<u32>,
    message: String,
}

impl FunctionError {
    /// Something is wrong with the file as a whole.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { line: None, message: message.into() }
    }

    /// Something is wrong in this line, counted from 1.
    pub(crate) fn at(line: u32, message: impl Into<String>) -> Self {
        Self { line: Some(line), message: message.into() }
    }

    /// The line, counted from 1. None: the file as a whole.
    #[must_use]
    pub fn line(&self) -> Option<u32> {
        self.line
    }
}

impl fmt::Display for FunctionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for FunctionError {}
