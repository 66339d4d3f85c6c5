//! The journal of this process, and those that earlier and other processes keep.

mod access_store;
mod approval_stores;
mod checkpoint_copy;
mod folders;
mod open;
mod shared_store;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use exuvia_admin::JournalReader;
use exuvia_config::{ApprovalLimits, DatabaseUrl};
use exuvia_gateway::{ApprovalConfig, now_ms};
use exuvia_journal::{
    ApprovalStore, Archive, Journal, MemoryApprovals, MemoryJournal, PostgresApprovals, SqliteApprovals, StoreArchive,
    StoreJournal,
};

pub(crate) use access_store::{FUNCTIONS_IN_MEMORY, StorePlace, follow_issued_keys};
pub(crate) use approval_stores::{ApprovalStores, StoredApprovals};
use checkpoint_copy::CheckpointCopy;
pub(crate) use folders::{Archives, Found, has_journal, open_archives, record, siblings, unknown};
pub(crate) use open::open;
pub(crate) use shared_store::SharedStore;

/// What the record of runs and calls may take in memory, in bytes.
const MEMORY_BYTES: usize = 64 << 20;
/// How long the end may take: what waits is written, and a last checkpoint.
const CLOSING: Duration = Duration::from_secs(3);
/// How long a run belongs to a process that shares its journal with none.
const ALONE: Duration = Duration::from_secs(2);
/// The same, of one that shares it with others.
const SHARED: Duration = Duration::from_secs(10);

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
    /// The approvals in it. None: nobody is asked.
    pub(crate) approvals: Option<Arc<dyn ApprovalStore>>,
}

/// One that outlives the process.
struct Stored {
    journal: Arc<StoreJournal>,
    archive: StoreArchive,
    folder: PathBuf,
    copy: Option<CheckpointCopy>,
    /// None: the database is in the folder.
    url: Option<DatabaseUrl>,
}

impl ProcessJournal {
    /// Keeps nothing beyond the process.
    pub(crate) fn in_memory() -> Self {
        let journal = Arc::new(MemoryJournal::new(MEMORY_BYTES, now_ms));
        Self { entries: Arc::clone(&journal) as _, archive: journal, stored: None }
    }

    fn stored(
        journal: Arc<StoreJournal>,
        archive: StoreArchive,
        (folder, url): (&Path, Option<DatabaseUrl>),
        copy: Option<&Path>,
    ) -> Self {
        let copy = copy.map(|path| CheckpointCopy::of(folder, path));
        let (entries, folder) = (Arc::clone(&journal) as _, folder.to_owned());
        let stored = Stored { journal, archive: archive.clone(), folder, url, copy };
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

    /// Where approvals are kept: with the journal.
    ///
    /// # Errors
    ///
    /// They cannot be opened.
    pub(crate) async fn approvals(&self, limits: &ApprovalLimits) -> Result<ApprovalConfig> {
        let Some(Stored { folder, url, .. }) = &self.stored else {
            return Ok(ApprovalConfig::within(MemoryApprovals::new(self.entries()), limits, ALONE));
        };
        if let Some(url) = url {
            let store = PostgresApprovals::open(&url.0).await?;
            return Ok(ApprovalConfig { is_shared: true, ..ApprovalConfig::within(store, limits, SHARED) });
        }
        let folder = folder.clone();
        let store: Arc<dyn ApprovalStore> =
            tokio::task::spawn_blocking(move || SqliteApprovals::open(&folder)).await??;
        // The folder belongs to this process: what was left in it can be brought back soon.
        Ok(ApprovalConfig::within(store, limits, ALONE))
    }

    /// The same, for the admin API, with the approvals that are kept in it.
    pub(crate) fn own(&self, approvals: Option<Arc<dyn ApprovalStore>>) -> OwnJournal {
        let (reader, folder) = match &self.stored {
            Some(Stored { archive, folder, .. }) => {
                (JournalReader::Stored(folder.display().to_string(), archive.clone()), Some(folder.clone()))
            }
            None => (JournalReader::InMemory(self.archive()), None),
        };
        OwnJournal { entries: self.entries(), reader, folder, approvals }
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
