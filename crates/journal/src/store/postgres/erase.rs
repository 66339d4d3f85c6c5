//! Erasing a run, also while others write the journal.

use super::log::{Grown, commit, grow, lock};
use super::retain::remove;
use super::session::Session;
use super::{tree, unavailable};
use crate::{Erasure, JournalError, JournalErrorKind, wire};

const RUN: &str = "SELECT first, is_direct, erased_by IS NULL FROM runs WHERE id = $1";

/// Drops the key and the private parts of a run or direct call, and records that, unless it is recorded. Returns whether there was one.
///
/// # Errors
///
/// The server cannot be reached, or the log was changed by something else than its writers.
pub(super) async fn erase(session: &Session, id: &str, erasure: &Erasure) -> Result<bool, JournalError> {
    let log = lock(session).await?;
    let found = session.query_opt(RUN, &[&id]).await.map_err(unavailable)?;
    if let Some(row) = &found {
        let first: i64 = row.try_get(0).map_err(unavailable)?;
        let mut edge = tree::load(session, log.size).await?;
        if !log.has_root_of(&edge) {
            let cause = "the records of the database are others than its table `log` says";
            return Err(JournalError::new(JournalErrorKind::Inconsistent).caused_by(cause));
        }
        let mut grown = Grown::default();
        if row.try_get(2).map_err(unavailable)? {
            let head = wire::erased(id, row.try_get(1).map_err(unavailable)?, erasure)?;
            grown = tree::append(session, &mut edge, first, (wire::REMOVALS, &head), None).await?;
        }
        let removed = remove(session, &[first], edge.size()).await?;
        grow(session, grown + Grown { heads: 0, content: -removed.bytes }).await?;
    }
    commit(session).await?;
    Ok(found.is_some())
}
