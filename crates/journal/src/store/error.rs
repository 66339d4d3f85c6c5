//! What the errors of all that is kept in a database have in common.

use std::error::Error;

use crate::{JournalError, JournalErrorKind};

/// An error of something that is kept in a database.
pub(crate) trait StoreError: Sized + Send + 'static {
    /// The database does not answer, or refuses.
    fn unavailable(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self;

    /// Whether the database does not answer, or refuses: another connection may help.
    fn is_unavailable(&self) -> bool;

    /// The same error for another who asks.
    fn again(&self) -> Self;
}

impl StoreError for JournalError {
    fn unavailable(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(JournalErrorKind::Unavailable).caused_by(cause)
    }

    fn is_unavailable(&self) -> bool {
        self.kind() == JournalErrorKind::Unavailable
    }

    fn again(&self) -> Self {
        Self::new(self.kind()).caused_by(self.causes())
    }
}
