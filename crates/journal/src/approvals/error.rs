//! Why an approval could not be kept, read, answered or used.

use std::error::Error;
use std::fmt;

use super::ApprovalState;

/// An approval could not be kept, read, answered or used. `{}` says so to whoever waits for it; `{:#}` is for the operator, with everything that caused it.
#[derive(Debug)]
pub struct ApprovalError {
    kind: ApprovalErrorKind,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// Why an approval could not be kept, read, answered or used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ApprovalErrorKind {
    /// The store does not answer, or refuses. A later attempt may succeed.
    Unavailable,
    /// A newer program has changed the store.
    Newer,
    /// Something in the store, or in what is asked, cannot be understood.
    Malformed,
    /// There is no such approval.
    Unknown,
    /// Its state is no longer `pending`: this one.
    Answered(ApprovalState),
    /// The answer is about something else than what the approval asks.
    OtherContent,
    /// Whoever answers has asked.
    OwnCall,
    /// Another approval is open for the same call, or another process has the run.
    Conflict,
    /// There are as many approvals, or runs that wait for one, as there may be: of this principal or of all.
    Full,
    /// The arguments are longer than [`MAX_ARGUMENTS_BYTES`](super::MAX_ARGUMENTS_BYTES), or the script than
    /// [`MAX_SCRIPT_BYTES`](super::MAX_SCRIPT_BYTES).
    TooLarge,
    /// The journal has no record of the run's start.
    NoRecord,
    /// The content of the run was erased.
    Erased,
}

impl ApprovalErrorKind {
    /// The stable name of the case, for the log and for programs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::Newer => "newer",
            Self::Malformed => "malformed",
            Self::Unknown => "unknown",
            Self::Answered(_) => "answered",
            Self::OtherContent => "other-content",
            Self::OwnCall => "own-call",
            Self::Conflict => "conflict",
            Self::Full => "full",
            Self::TooLarge => "too-large",
            Self::NoRecord => "no-record",
            Self::Erased => "erased",
        }
    }
}

impl ApprovalError {
    /// An error without a cause of its own.
    #[must_use]
    pub fn new(kind: ApprovalErrorKind) -> Self {
        Self { kind, source: None }
    }

    /// The same, with what caused it.
    #[must_use]
    pub fn caused_by(self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { source: Some(source.into()), ..self }
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> ApprovalErrorKind {
        self.kind
    }
}

impl fmt::Display for ApprovalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            ApprovalErrorKind::Unavailable => f.write_str("the store of approvals does not answer"),
            ApprovalErrorKind::Newer => f.write_str("the store of approvals was written by a newer version"),
            ApprovalErrorKind::Malformed => f.write_str("the store of approvals cannot understand this"),
            ApprovalErrorKind::Unknown => f.write_str("there is no such approval"),
            ApprovalErrorKind::Answered(state) => write!(f, "the approval is not pending: it is {}", state.name()),
            ApprovalErrorKind::OtherContent => f.write_str("the answer is about other content than the approval has"),
            ApprovalErrorKind::OwnCall => f.write_str("nobody can answer for a call of their own"),
            ApprovalErrorKind::Conflict => {
                f.write_str("another approval is open for the call, or another process has the run")
            }
            ApprovalErrorKind::Full => f.write_str("too many calls wait for approval"),
            ApprovalErrorKind::TooLarge => f.write_str("the arguments or the script are too long for an approval"),
            ApprovalErrorKind::NoRecord => f.write_str("the journal has no record of the run"),
            ApprovalErrorKind::Erased => f.write_str("the content of the run was erased"),
        }?;
        let mut source = if f.alternate() { self.source() } else { None };
        while let Some(cause) = source {
            write!(f, ": {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}

impl Error for ApprovalError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
