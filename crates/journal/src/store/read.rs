//! What a backend does for readers.

use exuvia_tool::BoxFuture;

use crate::blocks::{BlockNames, SealedBlocks};
use crate::hex::Digest;
use crate::index::RunIndex;
use crate::seal::decompressed;
use crate::tree::TileId;
use crate::wire::malformed;
use crate::{Erasure, Filter, JournalError, JournalErrorKind, Object, ObjectKind, Stats, Summary, TokenSum};

/// The largest object that is read.
const MAX_OBJECT_BYTES: u64 = 1 << 30;

/// The size of a checkpoint, and the signed note.
pub(crate) type StoredCheckpoint = (u64, Vec<u8>);

/// The reading side of a backend. Nothing of it blocks the thread that polls.
pub(crate) trait Reads: Send + Sync {
    /// The same journal as it is now, whatever is written later.
    fn snapshot(&self) -> BoxFuture<'_, Result<Box<dyn Reads>, JournalError>>;

    /// The number of records.
    fn size(&self) -> BoxFuture<'_, Result<u64, JournalError>>;

    /// Records after this place, in order: at most `limit`, and few enough to be held in memory.
    fn rows(&self, after: u64, limit: u64) -> BoxFuture<'_, Result<Vec<Row>, JournalError>>;

    /// The records of a run or direct call. None: there are none.
    fn record<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<RecordRows>, JournalError>>;

    /// The principal of a run or direct call, as text. None: there is no such.
    fn principal<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<String>, JournalError>>;

    /// What a run read of its files and is kept apart from its record. None: it was erased, or there is no such run.
    fn blocks<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<SealedBlocks>, JournalError>>;

    /// The names of the blocks that the run which begins at this place has, of those that are there.
    fn block_names(&self, first: u64) -> BoxFuture<'_, Result<BlockNames, JournalError>>;

    /// A block as it is stored.
    fn block(&self, name: [u8; 32]) -> BoxFuture<'_, Result<Option<Vec<u8>>, JournalError>>;

    /// The size of the private parts of a run or direct call, sealed, in bytes, with what it read of its files. 0: there are none.
    fn sealed_bytes<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<u64, JournalError>>;

    /// A tile that is full.
    fn tile(&self, id: TileId) -> BoxFuture<'_, Result<Option<Vec<u8>>, JournalError>>;

    /// The sizes of all stored checkpoints and the checkpoints, by size.
    fn checkpoints(&self) -> BoxFuture<'_, Result<Vec<StoredCheckpoint>, JournalError>>;

    /// The newest stored checkpoint.
    fn newest_checkpoint(&self) -> BoxFuture<'_, Result<Option<Vec<u8>>, JournalError>>;

    /// The index of the runs and direct calls that begin after this place, in order, with their heads: at most `limit`, and few
    /// enough to be held in memory.
    fn index(&self, after: u64, limit: u64) -> BoxFuture<'_, Result<Vec<IndexRow>, JournalError>>;

    /// The runs and direct calls that fit, the latest first.
    fn list<'a>(&'a self, filter: &'a Filter) -> BoxFuture<'a, Result<Vec<Summary>, JournalError>>;

    /// Sums over the runs and calls that fit.
    fn stats<'a>(&'a self, filter: &'a Filter) -> BoxFuture<'a, Result<Stats, JournalError>>;

    /// Sums of tokens of the days that begin within these times, in order.
    fn tokens(&self, since_ms: u64, until_ms: u64) -> BoxFuture<'_, Result<Vec<TokenSum>, JournalError>>;

    /// What has this digest.
    fn object<'a>(&'a self, sha256: &'a str) -> BoxFuture<'a, Result<Option<Object>, JournalError>>;

    /// Drops the key and the private parts of a run or direct call, and records that, unless it is recorded. Returns whether there was one.
    fn erase<'a>(&'a self, id: &'a str, erasure: &'a Erasure) -> BoxFuture<'a, Result<bool, JournalError>>;
}

/// An object as it was before it was compressed.
///
/// # Errors
///
/// It is of a kind that this program does not know, or differs from its digest.
pub(crate) fn object(kind: &str, sha256: &str, zstd: &[u8]) -> Result<Object, JournalError> {
    let known = [ObjectKind::Namespace, ObjectKind::Guest].into_iter().find(|known| known.name() == kind);
    let kind =
        known.ok_or_else(|| JournalError::new(JournalErrorKind::Newer).caused_by("an object of an unknown kind"))?;
    let bytes = decompressed(zstd, MAX_OBJECT_BYTES)?;
    if Digest::of(&bytes).to_string() != sha256 {
        return Err(malformed("an object differs from its digest"));
    }
    Ok(Object { kind, sha256: sha256.to_owned(), bytes })
}

/// A record as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// The place that it is stored at.
    pub(crate) seq: u64,
    pub(crate) head: Vec<u8>,
    pub(crate) body: Option<Vec<u8>>,
}

/// The records of a run or direct call.
#[derive(Debug, Clone)]
pub(crate) struct RecordRows {
    pub(crate) rows: Vec<Row>,
    pub(crate) key: Option<[u8; 32]>,
    /// The place of the record that says that it was erased or expired.
    pub(crate) erased_by: Option<u64>,
}

/// A run or direct call as it is indexed.
#[derive(Debug, Clone)]
pub(crate) struct IndexRow {
    pub(crate) run: RunIndex,
    pub(crate) key: Option<[u8; 32]>,
    /// The heads of its records, in order.
    pub(crate) heads: Vec<HeadRow>,
}

/// The head of a record as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct HeadRow {
    pub(crate) seq: u64,
    pub(crate) head: Vec<u8>,
    pub(crate) has_body: bool,
}
