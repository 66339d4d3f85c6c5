//! What keeps entries, and who hears of those that were lost.

use std::sync::Arc;

use exuvia_tool::BoxFuture;

use crate::{Entry, JournalError, Object, PackedGuest, Refusal, Seq};

/// A place that keeps entries, stamps them with their time, and has them in the order in which it was given them, whichever way.
///
/// There are two classes: durable, for what is about to be done, and queued, for what has been done. Each entry that is not kept is
/// reported: as an error of the append, or to [`Losses`] if it was accepted and lost later. So an entry can be queued in a `Drop` as well.
pub trait Journal: Send + Sync {
    /// Appends what is about to be done or told: it is kept for good when the future is complete. Its place is that of this call and not of
    /// the first poll. A future that is dropped takes nothing back: the entry may be kept or not.
    ///
    /// # Errors
    ///
    /// The entry could not be kept. Whoever was about to act on it must not. [`Late`](crate::JournalErrorKind::Late): it records no
    /// [intent](crate::Event::is_intent), is not kept yet, and waits as if it had been [enqueued](Self::enqueue).
    fn append_durable(&self, entry: Entry) -> BoxFuture<'_, Result<Seq, JournalError>>;

    /// As [`append_durable`](Self::append_durable), of an [intent](crate::Event::is_intent) that is recorded with what it led to even
    /// where this future is dropped: `refusal` says whether the intent was refused meanwhile.
    ///
    /// # Errors
    ///
    /// As [`append_durable`](Self::append_durable).
    fn append_intent(&self, entry: Entry, refusal: &Arc<Refusal>) -> BoxFuture<'_, Result<Seq, JournalError>> {
        let (appended, refusal) = (self.append_durable(entry), Arc::clone(refusal));
        Box::pin(async move {
            let appended = appended.await;
            if appended.is_err() {
                // Whoever waits hears of it now.
                refusal.refuse();
            }
            appended
        })
    }

    /// As [`append_intent`](Self::append_intent), of the start of a run that nothing waits for as long as the run has no effect: it may be
    /// written with the next entry that is waited for, at the latest after 100 ms. Of a run whose start was refused no later entry is taken.
    ///
    /// # Errors
    ///
    /// As [`append_durable`](Self::append_durable).
    fn append_start(&self, entry: Entry, refusal: &Arc<Refusal>) -> BoxFuture<'_, Result<Seq, JournalError>> {
        self.append_intent(entry, refusal)
    }

    /// Takes an entry about what has been done, or was refused. Returns at once, may be called on any thread, also where nothing
    /// can be awaited, and waits for nothing. What waits to be written is bounded.
    ///
    /// # Errors
    ///
    /// The entry could not be taken: there is no [room](crate::JournalErrorKind::Full), or nothing can be written. It is lost.
    fn enqueue(&self, entry: Entry) -> Result<(), JournalError>;

    /// Keeps what runs name by its digest: no entry that is appended when the future is complete is kept without it. What is kept already
    /// is not kept twice.
    ///
    /// # Errors
    ///
    /// As [`enqueue`](Self::enqueue).
    fn keep(&self, object: Arc<Object>) -> BoxFuture<'_, Result<(), JournalError>> {
        let _ = object;
        Box::pin(std::future::ready(Ok(())))
    }

    /// Keeps the guest that a run was made with whose start is recorded, in the background. Waits for nothing; one that could not be kept is
    /// reported to [`Losses`], and is tried again with the next run.
    fn keep_guest(&self, guest: PackedGuest) {
        let _ = guest;
    }

    /// Counts a question about tools, such as a client's search, and its answer: texts that models write and read and that are recorded nowhere.
    /// Waits for nothing, and what is not written yet is lost with the process.
    fn looked_up(&self, question: &str, answer: &str) {
        let _ = (question, answer);
    }

    /// Whether it keeps what only replays need: readings and objects. Where it does not, they are not even made.
    fn keeps_readings(&self) -> bool {
        true
    }

    /// Registers a listener for entries that were accepted and lost later. A journal that keeps what it accepts never calls it.
    fn tell_losses(&self, losses: Arc<dyn Losses>) {
        let _ = losses;
    }

    /// Whether the last attempt to write failed. What was accepted waits, as long as there is room.
    fn is_failing(&self) -> bool {
        false
    }
}

/// Receives notice of lost entries, for the operator.
pub trait Losses: Send + Sync {
    /// An entry was taken, and could not be written.
    fn lost(&self, entry: &Entry, error: &JournalError);

    /// A guest could not be kept: runs that were made with it are replayed by this program only.
    fn guest_not_kept(&self, sha256: &str, error: &JournalError) {
        let _ = (sha256, error);
    }

    /// The clock jumped forward. Nothing is removed for its age until the clock has stood there for a day.
    fn retention_waits(&self) {}

    /// What retention never removes takes so many bytes now: the public parts of records, the index and the tree. `is_over`: more than all
    /// content may, so that removing content frees less than the operator may expect.
    fn public_part(&self, bytes: u64, is_over: bool) {
        let _ = (bytes, is_over);
    }
}
