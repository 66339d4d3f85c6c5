//! Approvals in the database of a journal in PostgreSQL.
//!
//! Who writes an approval locks the one row of `approval_state`, so that versions are seen in their order. Who answers locks the log before it; everybody
//! locks a run before its approvals.

mod answers;
mod hold;
mod reads;
mod runs;
mod sweep;

use std::sync::Arc;

use exuvia_tool::{ApprovalId, BoxFuture, RunId};
use tokio::sync::watch;

use super::stored::{malformed, of_journal};
use super::{
    Approval, ApprovalAnswer, ApprovalBounds, ApprovalChanges, ApprovalContent, ApprovalError, ApprovalErrorKind,
    ApprovalFilter, ApprovalStore, HeldRun, HoldEnd, Lease, NewApproval, WaitingRun, check_sizes,
};
use crate::store::postgres::{Address, Session, Sessions, by_session, check, supported};
use crate::store::{StoreError as _, sql, unsigned};

/// Connections. What comes while all are in use waits.
const SESSIONS: usize = 4;

const SCHEMA: &str = "SELECT version FROM log";
const ADVANCE: &str = "UPDATE approval_state SET version = version + $1 RETURNING version";

/// Approvals in the database of a journal in PostgreSQL, 13 or later, by the URL of the journal. It connects when it is needed, and again when it lost its
/// connections.
pub struct PostgresApprovals {
    sessions: Sessions<ApprovalError>,
    changed: watch::Sender<u64>,
}

impl PostgresApprovals {
    /// Opens the approvals of the journal at a URL, which has to be there.
    ///
    /// # Errors
    ///
    /// [`Malformed`](ApprovalErrorKind::Malformed): the URL is. [`Newer`](ApprovalErrorKind::Newer): a newer program made it.
    /// [`Unavailable`](ApprovalErrorKind::Unavailable): there is no journal, it is older and no process has opened it for writing since, or the server cannot be
    /// reached, or refuses.
    pub async fn open(url: &str) -> Result<Arc<Self>, ApprovalError> {
        let address = Address::parse(url).map_err(malformed)?.for_writing();
        let sessions = Sessions::new(address, SESSIONS, |session, schema| {
            Box::pin(async move { check(session, schema).await.map_err(of_journal) })
        });
        sessions.lend().await?.give_back();
        Ok(Arc::new(Self { sessions, changed: watch::Sender::new(0) }))
    }

    /// Notifies those who watch: also what failed may have been done.
    fn notify(&self) {
        self.changed.send_modify(|changes| *changes += 1);
    }
}

impl ApprovalStore for PostgresApprovals {
    fn hold<'a>(
        &'a self,
        run: &'a HeldRun,
        asked: &'a [NewApproval],
        bounds: &'a ApprovalBounds,
    ) -> BoxFuture<'a, Result<Vec<Approval>, ApprovalError>> {
        Box::pin(async move {
            check_sizes(run, asked)?;
            let held = by_session!(self.sessions, |session| hold::hold(session, run, asked, bounds)).await;
            self.notify();
            held?
        })
    }

    fn list<'a>(&'a self, filter: &'a ApprovalFilter) -> BoxFuture<'a, Result<Vec<Approval>, ApprovalError>> {
        Box::pin(by_session!(self.sessions, |session| reads::list(session, filter)))
    }

    fn get<'a>(&'a self, id: &'a ApprovalId) -> BoxFuture<'a, Result<Option<Approval>, ApprovalError>> {
        Box::pin(by_session!(self.sessions, |session| reads::get(session, id)))
    }

    fn content<'a>(&'a self, id: &'a ApprovalId) -> BoxFuture<'a, Result<Option<ApprovalContent>, ApprovalError>> {
        Box::pin(by_session!(self.sessions, |session| reads::content(session, id)))
    }

    fn answer<'a>(
        &'a self,
        id: &'a ApprovalId,
        allow: bool,
        answer: &'a ApprovalAnswer,
    ) -> BoxFuture<'a, Result<Approval, ApprovalError>> {
        Box::pin(async move {
            let answered = by_session!(self.sessions, |session| answers::answer(session, id, allow, answer)).await;
            self.notify();
            answered?
        })
    }

    fn take<'a>(&'a self, id: &'a ApprovalId, now_ms: u64) -> BoxFuture<'a, Result<bool, ApprovalError>> {
        Box::pin(async move {
            let taken = by_session!(self.sessions, |session| answers::take(session, id, now_ms)).await;
            self.notify();
            taken?
        })
    }

    fn waiting<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<Option<WaitingRun>, ApprovalError>> {
        Box::pin(by_session!(self.sessions, |session| runs::waiting(session, run)))
    }

    fn ready(&self, now_ms: u64, limit: usize) -> BoxFuture<'_, Result<Vec<WaitingRun>, ApprovalError>> {
        Box::pin(by_session!(self.sessions, |session| runs::ready(session, now_ms, limit)))
    }

    fn claim<'a>(
        &'a self,
        run: &'a RunId,
        lease: &'a Lease,
        now_ms: u64,
    ) -> BoxFuture<'a, Result<bool, ApprovalError>> {
        Box::pin(by_session!(self.sessions, |session| runs::claim(session, run, lease, now_ms)))
    }

    fn release<'a>(
        &'a self,
        run: &'a RunId,
        holder: &'a str,
        end: &'a HoldEnd,
        now_ms: u64,
    ) -> BoxFuture<'a, Result<bool, ApprovalError>> {
        Box::pin(async move {
            let released =
                by_session!(self.sessions, |session| runs::release(session, (run, holder), end, now_ms)).await;
            self.notify();
            released?
        })
    }

    fn changes(&self, after: u64) -> BoxFuture<'_, Result<ApprovalChanges, ApprovalError>> {
        Box::pin(by_session!(self.sessions, |session| reads::changes(session, after)))
    }

    fn watch(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn sweep(&self, now_ms: u64, keep_ms: u64) -> BoxFuture<'_, Result<bool, ApprovalError>> {
        Box::pin(async move {
            let swept = by_session!(self.sessions, |session| sweep::sweep(session, now_ms, keep_ms)).await??;
            if swept.has_changed {
                self.notify();
            }
            Ok(swept.has_more)
        })
    }
}

impl std::fmt::Debug for PostgresApprovals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresApprovals").finish_non_exhaustive()
    }
}

/// What a transaction gives: an error outside, where the connection failed, and a refusal inside, which leaves it in use.
type Ended<T> = Result<Result<T, ApprovalError>, ApprovalError>;

/// Begins a transaction.
async fn begin(session: &Session) -> Result<(), ApprovalError> {
    session.client.batch_execute("BEGIN").await.map_err(unavailable)?;
    let row = session.query_opt(SCHEMA, &[]).await.map_err(unavailable)?;
    let row = row.ok_or_else(|| malformed("the row of the table `log` is missing"))?;
    supported(row.try_get(0).map_err(unavailable)?).map(drop).map_err(of_journal)
}

/// Ends a transaction. What was refused is undone.
async fn end<T>(session: &Session, done: Result<T, ApprovalError>) -> Ended<T> {
    match done {
        Err(error) if error.is_unavailable() => Err(error),
        done => {
            let end = if done.is_ok() { "COMMIT" } else { "ROLLBACK" };
            session.client.batch_execute(end).await.map_err(unavailable)?;
            Ok(done)
        }
    }
}

/// Counts so many writes of approvals. Returns the version before them. Nobody else writes one until the transaction ends.
async fn advance(session: &Session, writes: u64) -> Result<u64, ApprovalError> {
    let row = session.query_opt(ADVANCE, &[&sql(writes)]).await.map_err(unavailable)?;
    let row = row.ok_or_else(|| malformed("the row of the table `approval_state` is missing"))?;
    Ok(unsigned(row.try_get(0).map_err(unavailable)?) - writes)
}

fn unavailable(error: tokio_postgres::Error) -> ApprovalError {
    ApprovalError::new(ApprovalErrorKind::Unavailable).caused_by(error)
}
