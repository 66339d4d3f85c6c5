//! What a backend does for the writer.

use std::sync::Arc;

use exuvia_tool::BoxFuture;

use super::GuestFolder;
use crate::blocks::Block;
use crate::index::Change;
use crate::seal::RunKey;
use crate::tree::TreeHead;
use crate::{JournalError, ObjectKind, Retention, TokenSum};

/// The writing side of a backend. Its futures run on the journal's own thread, one at a time, and may block it.
pub(crate) trait Store: Send {
    /// Writes a batch, for good, at once or not at all. Returns the place of its first record.
    ///
    /// # Errors
    ///
    /// It could not be written, or the outcome of the commit is unknown: [`settle`](Self::settle) finds it out.
    fn commit<'a>(&'a mut self, batch: &'a Batch) -> BoxFuture<'a, Result<u64, JournalError>>;

    /// Whether a batch whose commit failed was written all the same, by the head of its first record. Connects again where the
    /// connection was lost. Must succeed before the next commit after one that failed.
    ///
    /// # Errors
    ///
    /// The backend cannot be reached.
    fn settle<'a>(&'a mut self, head: &'a [u8]) -> BoxFuture<'a, Result<bool, JournalError>>;

    /// Where the guests are that runs were made with.
    fn guests(&self) -> GuestFolder;

    /// The key of a run or direct call.
    ///
    /// # Errors
    ///
    /// The backend cannot be reached.
    fn key<'a>(&'a mut self, id: &'a str) -> BoxFuture<'a, Result<KeyState, JournalError>>;

    /// Adds to the sums of tokens: all of these, which are in order, or none.
    ///
    /// # Errors
    ///
    /// They could not be written, or nobody knows.
    fn add_tokens<'a>(&'a mut self, sums: &'a [TokenSum]) -> BoxFuture<'a, Result<(), JournalError>>;

    /// The tree of all that is written.
    ///
    /// # Errors
    ///
    /// The backend cannot be reached.
    fn tree(&mut self) -> BoxFuture<'_, Result<TreeHead, JournalError>>;

    /// Removes some of what is over, except of the runs that `is_open` names.
    ///
    /// # Errors
    ///
    /// The backend cannot be reached.
    fn retain<'a>(
        &'a mut self,
        retention: Retention,
        now_ms: u64,
        is_open: &'a (dyn Fn(&str) -> bool + Sync),
    ) -> BoxFuture<'a, Result<Retained, JournalError>>;
}

/// What retention removed.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Retained {
    /// There may be more to remove.
    pub(crate) more: bool,
    /// Objects and guests that were removed.
    pub(crate) objects: usize,
    /// The log has a record of it.
    pub(crate) is_recorded: bool,
    /// The clock jumped, and what is too old by it stays.
    pub(crate) waits: bool,
    /// What retention never removes: heads, the index and the tree.
    pub(crate) public_bytes: u64,
}

/// What is written at once.
#[derive(Default)]
pub(crate) struct Batch {
    pub(crate) records: Vec<Prepared>,
    pub(crate) objects: Vec<Arc<PackedObject>>,
    /// A signed checkpoint and its size.
    pub(crate) checkpoint: Option<(u64, Vec<u8>)>,
}

/// A record that is ready to be written, but for its place.
pub(crate) struct Prepared {
    /// The run or direct call.
    pub(crate) id: Arc<str>,
    /// Its key: with the first record of the run or direct call, and no other.
    pub(crate) key: Option<RunKey>,
    /// The version of the format.
    pub(crate) version: u32,
    /// The head but for its beginning with the place: [`at_seq`](crate::wire::at_seq) makes it whole.
    pub(crate) head: Vec<u8>,
    /// The sealed body.
    pub(crate) body: Option<Vec<u8>>,
    /// What the body names by its digest: kept with the record, unless it is kept already.
    pub(crate) blocks: Vec<Block>,
    pub(crate) change: Change,
}

/// What runs name by its digest, compressed.
pub(crate) struct PackedObject {
    pub(crate) kind: ObjectKind,
    pub(crate) sha256: String,
    pub(crate) zstd: Vec<u8>,
}

/// What is known of the key of a run or direct call.
#[derive(Debug, PartialEq)]
pub(crate) enum KeyState {
    /// Nothing is written of it.
    New,
    Known(RunKey),
    /// The key was dropped.
    Erased,
}
