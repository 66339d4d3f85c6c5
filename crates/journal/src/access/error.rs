//! Why keys or counters could not be read or written.

use std::error::Error;
use std::fmt;

use crate::store::StoreError;

/// Keys or counters could not be read or written. `{}` says so to whoever waits for it; `{:#}` is for the operator, with everything that caused it.
#[derive(Debug)]
pub struct AccessStoreError {
    kind: AccessStoreErrorKind,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// Why keys or counters could not be read or written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AccessStoreErrorKind {
    /// The database does not answer, or refuses. A later attempt may succeed.
    Unavailable,
    /// A newer program has changed it.
    Newer,
    /// Another process has changed the same key, or there is one of that name.
    Conflict,
    /// There are as many keys as there may be.
    Full,
    /// Something in it, or in what is asked, cannot be understood.
    Malformed,
}

impl AccessStoreErrorKind {
    /// The stable name of the case, for the log.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::Newer => "newer",
            Self::Conflict => "conflict",
            Self::Full => "full",
            Self::Malformed => "malformed",
        }
    }
}

impl AccessStoreError {
    /// An error without a cause of its own.
    #[must_use]
    pub fn new(kind: AccessStoreErrorKind) -> Self {
        Self { kind, source: None }
    }

    /// The same, with what caused it.
    #[must_use]
    pub fn caused_by(self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { source: Some(source.into()), ..self }
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> AccessStoreErrorKind {
        self.kind
    }
}

impl fmt::Display for AccessStoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            AccessStoreErrorKind::Unavailable => "the store of keys and budgets does not answer",
            AccessStoreErrorKind::Newer => "the store of keys and budgets was written by a newer version",
            AccessStoreErrorKind::Conflict => "the key was changed by another process, or there is one of that name",
            AccessStoreErrorKind::Full => "there are as many keys as there may be",
            AccessStoreErrorKind::Malformed => "the store of keys and budgets cannot understand this",
        })?;
        let mut source = if f.alternate() { self.source() } else { None };
        while let Some(cause) = source {
            write!(f, ": {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}

impl Error for AccessStoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl StoreError for AccessStoreError {
    fn unavailable(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(AccessStoreErrorKind::Unavailable).caused_by(cause)
    }

    fn is_unavailable(&self) -> bool {
        self.kind == AccessStoreErrorKind::Unavailable
    }

    fn again(&self) -> Self {
        let cause = self.source.as_ref().map_or_else(|| self.to_string(), ToString::to_string);
        Self::new(self.kind).caused_by(cause)
    }
}
