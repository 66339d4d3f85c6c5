//! The reading side of a stored journal.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use exuvia_tool::{BoxFuture, Principal};

use crate::audit::{self, Proof, Report};
use crate::seal::RunKey;
use crate::store::postgres::PostgresReads;
use crate::store::sqlite::SqliteReads;
use crate::store::{Folder, GuestFolder, Reads, RecordRows, Row, object};
use crate::wire::{Head, malformed, stamped};
use crate::{
    Archive, Erasure, FileBlocks, Filter, JournalError, JournalErrorKind, Object, ObjectKind, Record, Stamped, Stats,
    Summary, TokenSum,
};

/// The largest record that is read, sealed and opened, in bytes: a record is held in memory, and answers that repeat themselves are
/// stored in a thousandth of their size.
const MAX_SEALED_BYTES: u64 = 256 << 20;
pub(crate) const MAX_OPENED_BYTES: usize = 512 << 20;

/// A journal in a database, for reading: of a running process, or of none. Its futures are polled in a runtime of tokio.
#[derive(Clone)]
pub struct StoreArchive {
    reads: Arc<dyn Reads>,
    files: Files,
}

/// The files beside the database.
#[derive(Clone)]
pub(crate) struct Files {
    pub(crate) public_key: PathBuf,
    pub(crate) checkpoint: PathBuf,
    guests: GuestFolder,
}

impl Files {
    fn of(folder: &Folder) -> Self {
        Self { public_key: folder.public_key(), checkpoint: folder.checkpoint(), guests: folder.guests() }
    }
}

/// A journal in SQLite, for reading.
#[derive(Debug)]
pub struct SqliteArchive;

impl SqliteArchive {
    /// Opens the journal in a folder for reading. Reads files: call it where blocking is allowed.
    ///
    /// # Errors
    ///
    /// There is none, a newer program made it, or it cannot be read.
    pub fn open(dir: &Path) -> Result<StoreArchive, JournalError> {
        let reads = SqliteReads::open(Folder::new(dir))?;
        let files = Files::of(reads.folder());
        Ok(StoreArchive::new(reads, files))
    }
}

/// A journal in PostgreSQL, for reading.
#[derive(Debug)]
pub struct PostgresArchive;

impl PostgresArchive {
    /// Opens a journal for reading. `dir` is the folder of a process that writes it: `verify` and `prove` need its public key. Nothing is
    /// read yet.
    ///
    /// # Errors
    ///
    /// The URL is malformed.
    pub fn open(url: &str, dir: &Path) -> Result<StoreArchive, JournalError> {
        Ok(StoreArchive::new(PostgresReads::open(url)?, Files::of(&Folder::new(dir))))
    }
}

impl StoreArchive {
    fn new(reads: impl Reads + 'static, files: Files) -> Self {
        Self { reads: Arc::new(reads), files }
    }

    /// Sums over the runs and calls that fit.
    ///
    /// # Errors
    ///
    /// The journal cannot be read.
    pub async fn stats(&self, filter: &Filter) -> Result<Stats, JournalError> {
        self.reads.stats(filter).await
    }

    /// Sums of tokens of the days, in UTC, that begin within these times in milliseconds since the epoch: in order. What was recorded last is in
    /// them a moment later.
    ///
    /// # Errors
    ///
    /// The journal cannot be read.
    pub async fn tokens(&self, since_ms: u64, until_ms: u64) -> Result<Vec<TokenSum>, JournalError> {
        self.reads.tokens(since_ms, until_ms).await
    }

    /// Drops the key and the private parts of a run or direct call: its script, arguments, answers, result, log, readings and texts of errors.
    /// The public parts stay, the log has a record of who erased it and when, and it still verifies. Works while another process writes the
    /// journal, whose next checkpoint covers the record: within a minute, or when the journal is opened. Returns whether there was such a run.
    ///
    /// The key's bytes are overwritten in the files. Copies that were made of the files have it still, and so may the medium.
    ///
    /// # Errors
    ///
    /// The journal cannot be written, or a reader keeps the key from being overwritten.
    pub async fn erase(&self, id: &str, erasure: &Erasure) -> Result<bool, JournalError> {
        self.reads.erase(id, erasure).await
    }

    /// Verifies the whole log, as it is now: that it is consistent with itself and its checkpoints, and that it is complete.
    ///
    /// # Errors
    ///
    /// The journal cannot be read. What is wrong with it is in the report.
    pub async fn verify(&self) -> Result<Report, JournalError> {
        self.verify_with(&[]).await
    }

    /// The same, also against checkpoints that were kept elsewhere: signed notes, byte for byte. They show what the operator of the
    /// journal has changed since.
    ///
    /// # Errors
    ///
    /// As [`verify`](Self::verify).
    pub async fn verify_with(&self, checkpoints: &[Vec<u8>]) -> Result<Report, JournalError> {
        audit::verify(&*self.reads, &self.files, checkpoints).await
    }

    /// The newest signed checkpoint, to be kept elsewhere or cosigned by a witness.
    ///
    /// # Errors
    ///
    /// There is none, it cannot be read, or the key of the journal has not signed it.
    pub async fn checkpoint(&self) -> Result<String, JournalError> {
        Ok(audit::newest(&*self.reads, &self.files).await?.0)
    }

    /// The public key of the journal, a `vkey` of C2SP.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub async fn public_key(&self) -> Result<String, JournalError> {
        let text = tokio::fs::read_to_string(&self.files.public_key).await;
        text.map_err(unreadable)
    }

    /// A file that proves the records of one run or direct call to whoever has the public key, without showing others. `with_content`: with
    /// the private parts and their key. None: there is no such run.
    ///
    /// # Errors
    ///
    /// The journal cannot be read, or no checkpoint covers the run yet.
    pub async fn prove(&self, id: &str, with_content: bool) -> Result<Option<Proof>, JournalError> {
        audit::prove(&*self.reads, &self.files, id, with_content).await
    }
}

impl StoreArchive {
    /// A guest that is kept in the folder.
    async fn guest(&self, sha256: &str) -> Result<Option<Object>, JournalError> {
        let (guests, sha256) = (self.files.guests.clone(), sha256.to_owned());
        let read = tokio::task::spawn_blocking(move || {
            let zstd = guests.read(&sha256).map_err(unreadable)?;
            zstd.map(|zstd| object(ObjectKind::Guest.name(), &sha256, &zstd)).transpose()
        });
        read.await.map_err(unreadable)?
    }
}

fn unreadable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> JournalError {
    JournalError::new(JournalErrorKind::Unreadable).caused_by(error)
}

impl Archive for StoreArchive {
    fn record<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Record>, JournalError>> {
        Box::pin(async move {
            if self.reads.sealed_bytes(id).await? > MAX_SEALED_BYTES {
                return Err(too_large());
            }
            let Some(rows) = self.reads.record(id).await? else { return Ok(None) };
            let is_erased = rows.erased_by.is_some();
            Ok(Record::of(entries(rows, MAX_OPENED_BYTES)?).map(|record| Record { is_erased, ..record }))
        })
    }

    fn principal<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Principal>, JournalError>> {
        Box::pin(async move { self.reads.principal(id).await?.map(|name| name.parse().map_err(malformed)).transpose() })
    }

    fn record_bytes<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<u64>, JournalError>> {
        Box::pin(async move { self.reads.sealed_bytes(id).await.map(Some) })
    }

    fn file_blocks<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<FileBlocks, JournalError>> {
        Box::pin(async move {
            if self.reads.sealed_bytes(id).await? > MAX_SEALED_BYTES {
                return Err(too_large());
            }
            Ok(self.reads.blocks(id).await?.map(FileBlocks::new).unwrap_or_default())
        })
    }

    fn list<'a>(&'a self, filter: &'a Filter) -> BoxFuture<'a, Result<Vec<Summary>, JournalError>> {
        self.reads.list(filter)
    }

    fn object<'a>(&'a self, sha256: &'a str) -> BoxFuture<'a, Result<Option<Object>, JournalError>> {
        Box::pin(async move {
            match self.reads.object(sha256).await? {
                Some(object) => Ok(Some(object)),
                None => self.guest(sha256).await,
            }
        })
    }
}

/// The entries that rows are, whose private parts have no more than `max_bytes` together.
fn entries(rows: RecordRows, max_bytes: usize) -> Result<Vec<Stamped>, JournalError> {
    let RecordRows { rows, key, erased_by } = rows;
    let key = key.map(RunKey::from).filter(|_| erased_by.is_none());
    let mut left = max_bytes;
    rows.into_iter().map(|row| entry(row, key.as_ref(), &mut left)).collect()
}

pub(crate) fn too_large() -> JournalError {
    JournalError::new(JournalErrorKind::Unreadable).caused_by(format!(
        "the record has more than {} MiB of content: too much to be read at once",
        MAX_OPENED_BYTES >> 20
    ))
}

/// The entry that a row is. Without a key, its private part is empty. `left` is what private parts may still have together, in bytes.
fn entry(row: Row, key: Option<&RunKey>, left: &mut usize) -> Result<Stamped, JournalError> {
    let head = Head::parse(&row.head)?;
    let body = match (key, row.body, head.body) {
        (None, _, _) | (Some(_), None, None) => None,
        (Some(key), Some(body), Some(_)) => Some(key.open(head.id(), head.event.kind(), &body)?),
        _ => return Err(malformed(format!("the private part of record {} is missing", row.seq))),
    };
    let bytes = body.as_ref().map_or(0, Vec::len);
    *left = left.checked_sub(bytes).ok_or_else(too_large)?;
    stamped(head, body.as_deref())
}

#[cfg(test)]
mod tests {
    use exuvia_tool::{CallId, Json, Origin, RunId};

    use super::*;
    use crate::{Entry, Event, Journal as _, OpenOptions, SqliteJournal};

    #[tokio::test]
    async fn answers_that_repeat_themselves_are_read_up_to_a_bound() {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = SqliteJournal::open(&OpenOptions::new(folder.path(), || 7)).expect("a journal");
        let value = Json::parse(format!("\"{}\"", "x".repeat(100_000))).expect("JSON");
        for call in 1..=3 {
            let (code, outcome) = ("ok".to_owned(), Some(Ok(value.clone())));
            let event = Event::CallEnded { id: CallId(call), code, outcome, value_bytes: 100_002, ms: 1 };
            let (principal, origin) = (Principal::Operator, Origin::Run(RunId::new("01")));
            journal.append_durable(Entry { principal, origin, event }).await.expect("kept");
        }
        let archive = SqliteArchive::open(folder.path()).expect("a journal");
        assert!(archive.record_bytes("01").await.expect("read").expect("counted") < 2_000);
        for (max_bytes, is_read) in [(299_000, false), (310_000, true)] {
            let rows = archive.reads.record("01").await.expect("read").expect("there");
            assert_eq!(entries(rows, max_bytes).is_ok(), is_read, "{max_bytes}");
        }
        journal.close().await.expect("closed");
    }
}
