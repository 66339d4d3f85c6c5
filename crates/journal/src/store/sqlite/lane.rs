//! A thread that works on a database, for tasks that must not block.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::database::Database;
use crate::store::StoreError;

/// How much may wait for the thread. What comes then is refused.
const MAX_WAITING: usize = 1_024;
/// How long anything may take, with its wait.
const DEADLINE: Duration = Duration::from_secs(10);

type Job<E> = Box<dyn FnOnce(&mut Database<E>) + Send>;

/// A thread with a database. It ends when all clones are dropped; a file system that does not answer holds up nobody but the thread.
pub(crate) struct Lane<E> {
    jobs: SyncSender<Job<E>>,
}

impl<E> Clone for Lane<E> {
    fn clone(&self) -> Self {
        Self { jobs: self.jobs.clone() }
    }
}

impl<E: StoreError> Lane<E> {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// The system gives none.
    pub(crate) fn start(name: &str, mut database: Database<E>) -> Result<Self, E> {
        let (jobs, waiting) = sync_channel::<Job<E>>(MAX_WAITING);
        let work = move || waiting.into_iter().for_each(|job| job(&mut database));
        let thread = thread::Builder::new().name(name.to_owned()).spawn(work);
        thread.map_err(E::unavailable)?;
        Ok(Self { jobs })
    }

    /// Does some work on the thread. What nobody waits for any more when its turn comes is not done.
    ///
    /// # Errors
    ///
    /// It failed, there is too much to do, or it takes too long: it may still be done then.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E> {
        let (sender, done) = oneshot::channel();
        let job = Box::new(move |database: &mut Database<E>| {
            if !sender.is_closed() {
                // Nobody may be waiting any more.
                let _ = sender.send(database.with(work));
            }
        });
        self.jobs.try_send(job).map_err(|_| refused("too much waits for the database"))?;
        match timeout(DEADLINE, done).await {
            Ok(done) => done.map_err(|_| refused("internal error"))?,
            Err(_) => Err(refused("the database did not answer within 10 s")),
        }
    }
}

fn refused<E: StoreError>(cause: &str) -> E {
    E::unavailable(cause)
}

#[cfg(test)]
mod tests {
    use super::super::database::Durability;
    use super::*;
    use crate::JournalError;

    fn lane() -> Lane<JournalError> {
        Lane::start("test", Database::new(None, Durability::Process, |_| Ok(()))).expect("a thread")
    }

    #[tokio::test]
    async fn work_that_nobody_waits_for_any_more_is_not_done() {
        let (lane, (hold, held)) = (lane(), std::sync::mpsc::channel::<()>());
        let mut first = Box::pin(lane.run(move |_| Ok(held.recv().is_ok())));
        assert!(timeout(Duration::from_millis(20), &mut first).await.is_err());
        let (sender, done) = std::sync::mpsc::channel();
        let second = lane.run(move |_| Ok(sender.send(()).is_ok()));
        assert!(timeout(Duration::from_millis(20), second).await.is_err());
        hold.send(()).expect("held");
        assert!(first.await.expect("done"));
        lane.run(|_| Ok(())).await.expect("done");
        assert!(done.try_recv().is_err());
    }

    #[tokio::test]
    async fn what_waits_is_bounded() {
        let (lane, (hold, held)) = (lane(), std::sync::mpsc::channel::<()>());
        let mut waiting: Vec<_> = vec![Box::pin(lane.run(move |_| Ok(held.recv().is_ok())))];
        let mut refused = 0;
        assert!(timeout(Duration::from_millis(20), &mut waiting[0]).await.is_err());
        let mut rest: Vec<_> = (0..2 * MAX_WAITING).map(|_| Box::pin(lane.run(|_| Ok(())))).collect();
        for one in &mut rest {
            refused += usize::from(matches!(timeout(Duration::ZERO, one).await, Ok(Err(_))));
        }
        assert!((MAX_WAITING - 1..=MAX_WAITING).contains(&refused), "{refused}");
        drop(hold);
        assert!(!waiting.remove(0).await.expect("done"));
    }
}
