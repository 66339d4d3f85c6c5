//! Why a key was not changed.

use std::error::Error;
use std::fmt;

use exuvia_journal::AccessStoreError;

/// A key was not changed. `{}` and `{:#}` are for the operator.
#[derive(Debug)]
pub struct KeyError {
    kind: KeyErrorKind,
    message: String,
    source: Option<AccessStoreError>,
}

/// Why a key was not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyErrorKind {
    /// Its name, a label or a budget override is not allowed.
    Malformed,
    /// There is, or was until lately, a key of that name.
    Exists,
    /// There is no key of that name.
    NotFound,
    /// It was revoked or has expired.
    Ended,
    /// The store cannot be read or written, or the system has no randomness.
    Store,
}

impl KeyError {
    pub(super) fn new(kind: KeyErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// What is wrong.
    #[must_use]
    pub fn kind(&self) -> KeyErrorKind {
        self.kind
    }
}

impl From<AccessStoreError> for KeyError {
    fn from(error: AccessStoreError) -> Self {
        Self { kind: KeyErrorKind::Store, message: error.to_string(), source: Some(error) }
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Some(source) if f.alternate() => write!(f, "{source:#}"),
            _ => f.write_str(&self.message),
        }
    }
}

impl Error for KeyError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        // Its message is that of the source.
        self.source.as_ref().and_then(|source| source.source())
    }
}
