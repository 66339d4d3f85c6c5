//! The journal of this process, and those that earlier and other processes keep.

mod access_store;
mod approval_stores;
mod checkpoint_copy;
mod counters;
mod folders;
mod open;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use exuvia_admin::JournalReader;
use exuvia_gateway::now_ms;
use exuvia_journal::{Archive, Journal, MemoryJournal, StoreArchive, StoreJournal};

pub(crate) use access_store::{StorePlace, follow_issued_keys};
pub(crate) use approval_stores::{ApprovalStores, StoredApprovals};
use checkpoint_copy::CheckpointCopy;
pub(crate) use counters::Counters;
pub(crate) use folders::{Archives, Found, has_journal, siblings, unknown};
pub(crate) use open::open;

/// What the record of runs and calls may take in memory, in bytes.
const MEMORY_BYTES: usize = 64 << 20;
/// How long the end may take: what waits is written, and a last checkpoint.
const CLOSING: Duration = Duration::from_secs(3);

/// The journal of this process.
pub(crate) struct ProcessJournal {
    entries: Arc<dyn Journal>,
    archive: Arc<dyn Archive>,
    stored: Option<Stored>,
}

/// The journal of this process, for its admin API.
#[derive(Clone)]
pub(crate) struct OwnJournal {
    pub(crate) entries: Arc<dyn Journal>,
    pub(crate) reader: JournalReader,
    /// None: it is in memory.
    pub(crate) folder: Option<PathBuf>,
}

/// One that outlives the process.
struct Stored {
    journal: Arc<StoreJournal>,
    archive: StoreArchive,
    folder: PathBuf,
    copy: Option<CheckpointCopy>,
}

impl ProcessJournal {
    /// Keeps nothing beyond the process.
    pub(crate) fn in_memory() -> Self {
        let journal = Arc::new(MemoryJournal::new(MEMORY_BYTES, now_ms));
        Self { entries: Arc::clone(&journal) as _, archive: journal, stored: None }
    }

    fn stored(journal: Arc<StoreJournal>, archive: StoreArchive, folder: &Path, copy: Option<&Path>) -> Self {
        let copy = copy.map(|path| CheckpointCopy::of(folder, path));
        let entries = Arc::clone(&journal) as _;
        let stored = Stored { journal, archive: archive.clone(), folder: folder.to_owned(), copy };
        Self { entries, archive: Arc::new(archive), stored: Some(stored) }
    }

    /// What takes the entries.
    pub(crate) fn entries(&self) -> Arc<dyn Journal> {
        Arc::clone(&self.entries)
    }

    /// What reads them.
    pub(crate) fn archive(&self) -> Arc<dyn Archive> {
        Arc::clone(&self.archive)
    }

    /// The same, for the admin API.
    pub(crate) fn own(&self) -> OwnJournal {
        let (reader, folder) = match &self.stored {
            Some(Stored { archive, folder, .. }) => {
                (JournalReader::stored(folder.display().to_string(), archive.clone()), Some(folder.clone()))
            }
            None => (JournalReader::in_memory(self.archive()), None),
        };
        OwnJournal { entries: self.entries(), reader, folder }
    }

    /// Writes what waits, and a last checkpoint. A file system that does not respond is left behind: what was
    /// acknowledged is on it.
    pub(crate) async fn close(self) {
        let Some(Stored { journal, copy, .. }) = self.stored else { return };
        match tokio::time::timeout(CLOSING, journal.close()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(error = format!("{error:#}"), "the journal was not closed in order"),
            Err(_) => tracing::error!("the journal was not closed within {} s", CLOSING.as_secs()),
        }
        if let Some(copy) = copy {
            copy.finish().await;
        }
    }
}
