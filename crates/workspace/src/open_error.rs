//! Why a workspace cannot be opened.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why a workspace cannot be opened. For the operator: it names the directory.
#[derive(Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// The directory cannot be made, opened or read.
    Io {
        /// Which one.
        directory: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// It holds more than can be counted.
    TooMany {
        /// Which one.
        directory: PathBuf,
    },
    /// There is no place for directories that the configuration does not name.
    NoPlace,
}

impl OpenError {
    /// An error with this directory.
    pub(crate) fn of(directory: &Path) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::Io { directory: directory.to_owned(), error }
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { directory, error } => write!(f, "{}: {error}", directory.display()),
            Self::TooMany { directory } => {
                write!(f, "{}: more than a million entries, or too many levels: remove some", directory.display())
            }
            Self::NoPlace => f.write_str("there is no data directory: set HOME or XDG_DATA_HOME"),
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { error, .. } => Some(error),
            Self::TooMany { .. } | Self::NoPlace => None,
        }
    }
}
