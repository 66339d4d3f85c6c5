//! Appending one record together with something else, also while others write the journal.

use super::log::{Log, grow, lock};
use super::session::Session;
use super::tree;
use crate::store::Prepared;
use crate::{JournalError, JournalErrorKind};

/// The log, which nobody else writes until the transaction ends.
pub(crate) struct LockedLog(Log);

impl LockedLog {
    /// Begins a transaction that no other writer of the log is in.
    ///
    /// # Errors
    ///
    /// The server cannot be reached, or a newer program has changed the schema.
    pub(crate) async fn begin(session: &Session) -> Result<Self, JournalError> {
        lock(session).await.map(Self)
    }

    /// Appends a record of the run that begins at `first`.
    ///
    /// # Errors
    ///
    /// The server cannot be reached, or the log was changed by something else than its writers.
    pub(crate) async fn append(self, session: &Session, first: i64, record: &Prepared) -> Result<(), JournalError> {
        let mut edge = tree::load(session, self.0.size).await?;
        if !self.0.has_root_of(&edge) {
            let cause = "the records of the database are others than its table `log` says";
            return Err(JournalError::new(JournalErrorKind::Inconsistent).caused_by(cause));
        }
        let head = (record.version, &*record.head);
        let grown = tree::append(session, &mut edge, first, head, record.body.as_deref()).await?;
        grow(session, grown).await
    }
}
