//! Why an entry could not be kept, or a journal not opened or read.

use std::error::Error;
use std::fmt;

/// An entry could not be kept, or a journal not opened or read. `{}` says so to whoever waits for it; `{:#}` is for the operator, with everything that caused it.
///
/// ```
/// use exuvia_journal::{JournalError, JournalErrorKind};
///
/// let error = JournalError::new(JournalErrorKind::Unavailable).caused_by(std::io::Error::other("disk full"));
/// assert_eq!(error.to_string(), "the journal cannot be written");
/// assert_eq!(format!("{error:#}"), "the journal cannot be written: disk full");
/// ```
#[derive(Debug)]
pub struct JournalError {
    kind: JournalErrorKind,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// Why an entry could not be kept, or a journal not opened or read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum JournalErrorKind {
    /// As much waits to be written as may wait. A later entry may find room.
    Full,
    /// Nothing can be written.
    Unavailable,
    /// Nothing can be written now. The entry waits, and is written as soon as something can be.
    Late,
    /// Nothing can be read.
    Unreadable,
    /// Another process writes the same journal.
    Locked,
    /// A newer program wrote it.
    Newer,
    /// It holds other records, or fewer, than its checkpoint says, or its signing key is gone.
    Inconsistent,
    /// Something in it, or in a proof, cannot be understood.
    Malformed,
}

impl JournalErrorKind {
    /// The stable name of the case, for the log.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Unavailable => "unavailable",
            Self::Late => "late",
            Self::Unreadable => "unreadable",
            Self::Locked => "locked",
            Self::Newer => "newer",
            Self::Inconsistent => "inconsistent",
            Self::Malformed => "malformed",
        }
    }
}

impl JournalError {
    /// An error without a cause of its own.
    #[must_use]
    pub fn new(kind: JournalErrorKind) -> Self {
        Self { kind, source: None }
    }

    /// The same, with what caused it.
    #[must_use]
    pub fn caused_by(self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { source: Some(source.into()), ..self }
    }

    /// Everything that caused it, for the operator. Empty: nothing is known.
    pub(crate) fn causes(&self) -> String {
        let (mut causes, mut source) = (Vec::new(), self.source());
        while let Some(cause) = source {
            causes.push(cause.to_string());
            source = cause.source();
        }
        causes.join(": ")
    }

    /// What the entry could not be kept for.
    #[must_use]
    pub fn kind(&self) -> JournalErrorKind {
        self.kind
    }
}

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            JournalErrorKind::Full => "the journal has no room: too many entries wait to be written",
            JournalErrorKind::Unavailable => "the journal cannot be written",
            JournalErrorKind::Late => "the journal cannot be written now, and the entry waits",
            JournalErrorKind::Unreadable => "the journal cannot be read",
            JournalErrorKind::Locked => "another process writes the journal",
            JournalErrorKind::Newer => "the journal was written by a newer version",
            JournalErrorKind::Inconsistent => "the journal does not agree with its checkpoint",
            JournalErrorKind::Malformed => "the journal holds something malformed",
        })?;
        let causes = if f.alternate() { self.causes() } else { String::new() };
        if causes.is_empty() { Ok(()) } else { write!(f, ": {causes}") }
    }
}

impl Error for JournalError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
