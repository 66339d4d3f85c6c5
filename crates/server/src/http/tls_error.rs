//! Why a certificate or its key cannot be used.

use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};

/// A file that cannot be used. `Display` names it, and the source says why; both are for the operator, and neither holds the key.
#[derive(Debug)]
pub struct TlsError {
    kind: TlsErrorKind,
    file: PathBuf,
    source: Box<dyn Error + Send + Sync>,
}

/// What is wrong with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TlsErrorKind {
    /// It cannot be read.
    Unreadable,
    /// It holds no certificate that can be used.
    Certificate,
    /// It holds no private key that can be used.
    Key,
    /// It holds the private key of another certificate.
    Mismatch,
}

impl TlsError {
    pub(super) fn new(kind: TlsErrorKind, file: &Path, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind, file: file.to_owned(), source: source.into() }
    }

    /// What is wrong.
    #[must_use]
    pub fn kind(&self) -> TlsErrorKind {
        self.kind
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.file.display().fmt(f)
    }
}

impl Error for TlsError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.source)
    }
}
