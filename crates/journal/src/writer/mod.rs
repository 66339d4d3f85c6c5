//! The writing side of a stored journal: a queue, and a thread that writes what waits, all of it at once.

mod pace;
mod prepare;
mod queue;
#[cfg(test)]
mod tests;
mod upkeep;
mod worker;

use std::sync::{Arc, Mutex, PoisonError};

use exuvia_tool::BoxFuture;
use tokio::sync::oneshot;

use crate::store::Store;
use crate::{Clock, Entry, Journal, JournalError, JournalErrorKind, Losses, Object, OpenOptions, Seq};
pub(crate) use pace::Pace;
use queue::{Queue, Waiting};
pub(crate) use upkeep::CheckpointFile;
use upkeep::Upkeep;
use worker::Worker;

/// A journal that is kept in a database.
///
/// Entries are encoded, sealed and written by a thread of its own. What waits is written in one transaction. An entry that could not be written
/// durably is refused as [`Unavailable`](JournalErrorKind::Unavailable); queued entries wait until the database can be written again.
pub struct StoreJournal {
    queue: Arc<Queue>,
    clock: Clock,
    upkeep: Upkeep,
    ended: Mutex<Option<oneshot::Receiver<Result<(), JournalError>>>>,
}

impl StoreJournal {
    /// Starts the thread that writes to `store`.
    ///
    /// # Errors
    ///
    /// The system gives no thread.
    pub(crate) fn start(
        store: Box<dyn Store>,
        checkpoints: CheckpointFile,
        options: &OpenOptions,
        pace: Pace,
    ) -> Result<Arc<Self>, JournalError> {
        let queue = Arc::new(Queue::new(options.queue_bytes));
        let checkpoints = Arc::new(checkpoints);
        let upkeep = Upkeep::start(Arc::clone(&queue), Arc::clone(&checkpoints))?;
        let (sender, ended) = oneshot::channel();
        let (clock, retention) = (Arc::clone(&options.clock), options.retention);
        let worker = Worker::new(store, Arc::clone(&queue), checkpoints, upkeep.clone(), (clock, retention), pace);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(no_thread)?;
        std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || {
                let _ = sender.send(runtime.block_on(worker.run()));
            })
            .map_err(no_thread)?;
        let (clock, ended) = (Arc::clone(&options.clock), Mutex::new(Some(ended)));
        Ok(Arc::new(Self { queue, clock, upkeep, ended }))
    }

    /// Writes what waits and a last checkpoint, and ends the thread. Later entries are refused. A second call waits for nothing.
    ///
    /// # Errors
    ///
    /// Entries could not be written within some seconds: each was reported to [`Losses`]. Or the checkpoint could not.
    pub async fn close(&self) -> Result<(), JournalError> {
        self.queue.close();
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner).take();
        match ended {
            Some(ended) => ended.await.unwrap_or_else(|_| Err(JournalError::new(JournalErrorKind::Unavailable))),
            None => Ok(()),
        }
    }
}

impl Drop for StoreJournal {
    /// Has what waits written, and waits for nothing: [`close`](Self::close) does.
    fn drop(&mut self) {
        self.queue.close();
    }
}

impl Journal for StoreJournal {
    fn append_durable(&self, entry: Entry) -> BoxFuture<'_, Result<Seq, JournalError>> {
        let (sender, done) = oneshot::channel();
        if let Err(error) = self.queue.push(|| Waiting::new(entry, (self.clock)(), Some(sender))) {
            return Box::pin(std::future::ready(Err(error)));
        }
        Box::pin(async { done.await.unwrap_or_else(|_| Err(JournalError::new(JournalErrorKind::Unavailable))) })
    }

    fn enqueue(&self, entry: Entry) -> Result<(), JournalError> {
        self.queue.push(|| Waiting::new(entry, (self.clock)(), None))
    }

    fn keep(&self, object: Arc<Object>) -> Result<(), JournalError> {
        let sha256 = object.sha256.clone();
        if self.queue.is_known(&sha256) {
            return Ok(());
        }
        self.upkeep.keep(object).inspect_err(|_| self.queue.forget_objects())
    }

    fn tell_losses(&self, losses: Arc<dyn Losses>) {
        self.queue.tell_losses(losses);
    }

    fn is_failing(&self) -> bool {
        self.queue.is_failing()
    }
}

fn no_thread(error: std::io::Error) -> JournalError {
    JournalError::new(JournalErrorKind::Unavailable).caused_by(error)
}
