//! The writing side of a stored journal: a queue, and a thread that writes what waits, all of it at once.

mod objects;
mod pace;
mod prepare;
mod queue;
mod refused_runs;
#[cfg(test)]
mod tests;
mod upkeep;
mod worker;

use std::sync::{Arc, Mutex, PoisonError};

use exuvia_tool::BoxFuture;
use tokio::sync::oneshot;

use crate::store::Store;
use crate::tokens::{TokenKind, about};
use crate::{
    Clock, Entry, Journal, JournalError, JournalErrorKind, Losses, Object, OpenOptions, PackedGuest, Refusal, Seq,
};
use objects::{KnownObjects, kept};
pub(crate) use pace::Pace;
pub(crate) use prepare::prepared;
use queue::{Queue, Waiting};
pub(crate) use upkeep::CheckpointFile;
use upkeep::Upkeep;
use worker::Worker;

/// A journal that is kept in a database.
///
/// Entries are encoded, sealed and written by a thread of its own. What waits is written in one transaction. An intent that could not be written
/// durably is refused as [`Unavailable`](JournalErrorKind::Unavailable); all other entries wait until the database can be written again.
pub struct StoreJournal {
    queue: Arc<Queue>,
    objects: Arc<KnownObjects>,
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
        let objects = Arc::new(KnownObjects::default());
        let upkeep = Upkeep::start(Arc::clone(&queue), Arc::clone(&checkpoints), store.guests())?;
        let (sender, ended) = oneshot::channel();
        let (clock, retention) = (Arc::clone(&options.clock), options.retention);
        let shared = (Arc::clone(&queue), Arc::clone(&objects));
        let worker = Worker::new(store, shared, checkpoints, upkeep.clone(), (clock, retention), pace);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(no_thread)?;
        std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || {
                let _ = sender.send(runtime.block_on(worker.run()));
            })
            .map_err(no_thread)?;
        let (clock, ended) = (Arc::clone(&options.clock), Mutex::new(Some(ended)));
        Ok(Arc::new(Self { queue, objects, clock, upkeep, ended }))
    }

    /// Writes what waits and a last checkpoint, and ends the thread. Later entries are refused. A second call waits for nothing.
    ///
    /// # Errors
    ///
    /// Entries could not be written within some seconds: each was reported to [`Losses`]. Or the checkpoint could not.
    pub async fn close(&self) -> Result<(), JournalError> {
        self.objects.settled().await;
        self.queue.close();
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner).take();
        match ended {
            Some(ended) => ended.await.unwrap_or_else(|_| Err(JournalError::new(JournalErrorKind::Unavailable))),
            None => Ok(()),
        }
    }
}

impl StoreJournal {
    fn appended(
        &self,
        waiting: impl FnOnce(u64, oneshot::Sender<Result<Seq, JournalError>>) -> Waiting,
    ) -> BoxFuture<'_, Result<Seq, JournalError>> {
        let (sender, done) = oneshot::channel();
        if let Err(error) = self.queue.push(|| waiting((self.clock)(), sender)) {
            return Box::pin(std::future::ready(Err(error)));
        }
        Box::pin(async { done.await.unwrap_or_else(|_| Err(JournalError::new(JournalErrorKind::Unavailable))) })
    }

    fn appended_refusable(
        &self,
        refusal: &Arc<Refusal>,
        waiting: impl FnOnce(u64, oneshot::Sender<Result<Seq, JournalError>>) -> Waiting,
    ) -> BoxFuture<'_, Result<Seq, JournalError>> {
        let (shared, refusal) = (Arc::clone(refusal), Arc::clone(refusal));
        let appended = self.appended(|at_ms, done| waiting(at_ms, done).refusable_by(shared));
        Box::pin(async move {
            let appended = appended.await;
            if appended.is_err() {
                // What has no room was not taken, and of what was taken it is agreed already.
                refusal.refuse();
            }
            appended
        })
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
        self.appended(|at_ms, done| Waiting::new(entry, at_ms, Some(done)))
    }

    fn append_intent(&self, entry: Entry, refusal: &Arc<Refusal>) -> BoxFuture<'_, Result<Seq, JournalError>> {
        self.appended_refusable(refusal, |at_ms, done| Waiting::new(entry, at_ms, Some(done)))
    }

    fn append_start(&self, entry: Entry, refusal: &Arc<Refusal>) -> BoxFuture<'_, Result<Seq, JournalError>> {
        self.appended_refusable(refusal, |at_ms, done| Waiting::new(entry, at_ms, Some(done)).unhurried())
    }

    fn enqueue(&self, entry: Entry) -> Result<(), JournalError> {
        self.queue.push(|| Waiting::new(entry, (self.clock)(), None))
    }

    fn keep(&self, object: Arc<Object>) -> BoxFuture<'_, Result<(), JournalError>> {
        let (keeping, keeper) = self.objects.claim(&object.sha256);
        if let Some(keeper) = keeper {
            self.upkeep.keep(object, keeper);
        }
        Box::pin(kept(keeping))
    }

    fn keep_guest(&self, guest: PackedGuest) {
        if let (_, Some(keeper)) = self.objects.claim(guest.sha256) {
            self.upkeep.keep_guest(guest, keeper);
        }
    }

    fn looked_up(&self, question: &str, answer: &str) {
        self.queue.add_tokens((self.clock)(), TokenKind::Lookup, (1, about(question) + about(answer)));
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
