//! Why something was not done with a function.

use std::path::PathBuf;
use std::{fmt, io};

use exuvia_journal::AccessStoreError;

/// Why something was not done with a function. `Display` is for the operator, at the command line or at the console.
#[derive(Debug)]
#[non_exhaustive]
pub enum FunctionsError {
    /// There is no such function, or no such text of it.
    Unknown(String),
    /// Several texts could be meant.
    Ambiguous(String),
    /// The text is no function.
    Invalid(String),
    /// The directory of functions cannot be read.
    Directory(PathBuf, io::Error),
    /// The store of functions cannot be read or written.
    Store(AccessStoreError),
}

impl fmt::Display for FunctionsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(message) | Self::Ambiguous(message) | Self::Invalid(message) => f.write_str(message),
            Self::Directory(dir, _) => write!(f, "the directory of functions, {}", dir.display()),
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for FunctionsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Directory(_, error) => Some(error),
            Self::Store(error) => error.source(),
            _ => None,
        }
    }
}

impl From<AccessStoreError> for FunctionsError {
    fn from(error: AccessStoreError) -> Self {
        Self::Store(error)
    }
}
