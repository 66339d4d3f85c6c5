//! Approvals in the database of a journal in SQLite, beside the process that writes its log.

mod answers;
mod hold;
mod reads;
mod runs;
mod sweep;

use std::path::Path;
use std::sync::Arc;

use exuvia_tool::{ApprovalId, BoxFuture, RunId};
use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::watch;

use super::stored::of_journal;
use super::{
    Approval, ApprovalAnswer, ApprovalBounds, ApprovalChanges, ApprovalContent, ApprovalError, ApprovalErrorKind,
    ApprovalFilter, ApprovalStore, HeldRun, HoldEnd, Lease, NewApproval, WaitingRun, check_sizes,
};
use crate::store::Folder;
use crate::store::sqlite::{Database, Durability, Lane, check};

/// Approvals in the database of a journal in SQLite, which several processes on one machine may write.
pub struct SqliteApprovals {
    lane: Lane<ApprovalError>,
    changed: watch::Sender<u64>,
}

impl SqliteApprovals {
    /// Opens the approvals of the journal in a folder, which has to be there. Reads and writes files: call it where blocking is allowed.
    ///
    /// # Errors
    ///
    /// [`Newer`](ApprovalErrorKind::Newer): a newer program made it. [`Unavailable`](ApprovalErrorKind::Unavailable): there is none, it is older and no process
    /// has opened the journal for writing since, or it cannot be written.
    pub fn open(dir: &Path) -> Result<Arc<Self>, ApprovalError> {
        let prepare = |connection: &mut Connection| check(connection).map_err(of_journal);
        let mut database = Database::new(Some(Folder::new(dir).database()), Durability::Full, prepare);
        database.with(|_| Ok(()))?;
        Ok(Arc::new(Self { lane: Lane::start("approvals", database)?, changed: watch::Sender::new(0) }))
    }

    /// Does something, and notifies those who watch.
    async fn change<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, ApprovalError> + Send + 'static,
    ) -> Result<T, ApprovalError> {
        let done = self.lane.run(work).await;
        // Also what failed may have been done.
        self.changed.send_modify(|changes| *changes += 1);
        done
    }
}

impl ApprovalStore for SqliteApprovals {
    fn hold<'a>(
        &'a self,
        run: &'a HeldRun,
        asked: &'a [NewApproval],
        bounds: &'a ApprovalBounds,
    ) -> BoxFuture<'a, Result<Vec<Approval>, ApprovalError>> {
        Box::pin(async move {
            check_sizes(run, asked)?;
            let (run, asked, bounds) = (run.clone(), asked.to_vec(), *bounds);
            self.change(move |connection| hold::hold(connection, &run, &asked, &bounds)).await
        })
    }

    fn list<'a>(&'a self, filter: &'a ApprovalFilter) -> BoxFuture<'a, Result<Vec<Approval>, ApprovalError>> {
        let filter = filter.clone();
        Box::pin(self.lane.run(move |connection| reads::list(connection, &filter)))
    }

    fn get<'a>(&'a self, id: &'a ApprovalId) -> BoxFuture<'a, Result<Option<Approval>, ApprovalError>> {
        let id = id.clone();
        Box::pin(self.lane.run(move |connection| reads::get(connection, &id)))
    }

    fn content<'a>(&'a self, id: &'a ApprovalId) -> BoxFuture<'a, Result<Option<ApprovalContent>, ApprovalError>> {
        let id = id.clone();
        Box::pin(self.lane.run(move |connection| reads::content(connection, &id)))
    }

    fn answer<'a>(
        &'a self,
        id: &'a ApprovalId,
        allow: bool,
        answer: &'a ApprovalAnswer,
    ) -> BoxFuture<'a, Result<Approval, ApprovalError>> {
        let (id, answer) = (id.clone(), answer.clone());
        Box::pin(self.change(move |connection| answers::answer(connection, &id, allow, &answer)))
    }

    fn take<'a>(&'a self, id: &'a ApprovalId, now_ms: u64) -> BoxFuture<'a, Result<bool, ApprovalError>> {
        let id = id.clone();
        Box::pin(self.change(move |connection| answers::take(connection, &id, now_ms)))
    }

    fn waiting<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<Option<WaitingRun>, ApprovalError>> {
        let run = run.clone();
        Box::pin(self.lane.run(move |connection| runs::waiting(connection, &run)))
    }

    fn ready(&self, now_ms: u64, limit: usize) -> BoxFuture<'_, Result<Vec<WaitingRun>, ApprovalError>> {
        Box::pin(self.lane.run(move |connection| runs::ready(connection, now_ms, limit)))
    }

    fn claim<'a>(
        &'a self,
        run: &'a RunId,
        lease: &'a Lease,
        now_ms: u64,
    ) -> BoxFuture<'a, Result<bool, ApprovalError>> {
        let (run, lease) = (run.clone(), lease.clone());
        Box::pin(self.lane.run(move |connection| runs::claim(connection, &run, &lease, now_ms)))
    }

    fn release<'a>(
        &'a self,
        run: &'a RunId,
        holder: &'a str,
        end: &'a HoldEnd,
        now_ms: u64,
    ) -> BoxFuture<'a, Result<bool, ApprovalError>> {
        let (run, holder, end) = (run.clone(), holder.to_owned(), end.clone());
        Box::pin(self.change(move |connection| runs::release(connection, (&run, &holder), &end, now_ms)))
    }

    fn changes(&self, after: u64) -> BoxFuture<'_, Result<ApprovalChanges, ApprovalError>> {
        Box::pin(self.lane.run(move |connection| reads::changes(connection, after)))
    }

    fn watch(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn sweep(&self, now_ms: u64, keep_ms: u64) -> BoxFuture<'_, Result<bool, ApprovalError>> {
        Box::pin(async move {
            let swept = self.lane.run(move |connection| sweep::sweep(connection, now_ms, keep_ms)).await?;
            if swept.has_changed {
                self.changed.send_modify(|changes| *changes += 1);
            }
            Ok(swept.has_more)
        })
    }
}

impl std::fmt::Debug for SqliteApprovals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteApprovals").finish_non_exhaustive()
    }
}

/// A transaction that writes. A newer program may have changed the tables meanwhile.
fn writing(connection: &mut Connection) -> Result<Transaction<'_>, ApprovalError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(unavailable)?;
    check(&transaction).map_err(of_journal)?;
    Ok(transaction)
}

/// The next version of all approvals.
fn advance(connection: &Connection) -> rusqlite::Result<i64> {
    let advance = "UPDATE approval_state SET version = version + 1 RETURNING version";
    connection.prepare_cached(advance)?.query_row([], |row| row.get(0))
}

fn unavailable(error: rusqlite::Error) -> ApprovalError {
    ApprovalError::new(ApprovalErrorKind::Unavailable).caused_by(error)
}
