//! The approvals of every journal that the configuration names.

use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow};
use exuvia_config::{JournalConfig, JournalStore};
use exuvia_journal::{Approval, ApprovalFilter, ApprovalStore, PostgresApprovals, SqliteApprovals, StoreArchive};
use exuvia_tool::ApprovalId;

use super::open_archives;
use crate::file_threads::FileThreads;

/// The approvals of one journal.
pub(crate) struct StoredApprovals {
    pub(crate) store: Arc<dyn ApprovalStore>,
    pub(crate) archive: StoreArchive,
}

/// The approvals of all journals.
pub(crate) struct ApprovalStores(Vec<StoredApprovals>);

impl ApprovalStores {
    /// Opens them: those of processes that run, and of others.
    ///
    /// # Errors
    ///
    /// There is no journal, it is in memory, or it cannot be read.
    pub(crate) async fn open(config: JournalConfig) -> Result<Self> {
        let url = match &config.store {
            JournalStore::Postgres { url, .. } => Some(url.0.clone()),
            _ => None,
        };
        let open = move || {
            let archives = open_archives(&config)?;
            let sqlite = url.is_none();
            let open = |found: &super::Found| {
                let store = if sqlite { Some(SqliteApprovals::open(&found.folder)?) } else { None };
                anyhow::Ok((store, found.archive.clone()))
            };
            anyhow::Ok((archives.0.iter().map(open).collect::<Result<Vec<_>>>()?, url))
        };
        let (found, url) = FileThreads::default().run(open).await.context("the journal cannot be read")??;
        let mut stores = Vec::new();
        for (store, archive) in found {
            let store: Arc<dyn ApprovalStore> = match (store, &url) {
                (Some(store), _) => store,
                (None, url) => PostgresApprovals::open(url.as_deref().unwrap_or_default()).await?,
            };
            stores.push(StoredApprovals { store, archive });
        }
        Ok(Self(stores))
    }

    pub(crate) fn all(&self) -> &[StoredApprovals] {
        &self.0
    }

    /// The approvals of all of them that fit, the latest first.
    ///
    /// # Errors
    ///
    /// One cannot be read.
    pub(crate) async fn list(&self, filter: &ApprovalFilter) -> Result<Vec<Approval>> {
        let mut all = Vec::new();
        for stored in &self.0 {
            all.extend(stored.store.list(filter).await?);
        }
        all.sort_by(|one, other| other.id.cmp(&one.id));
        if filter.limit > 0 {
            all.truncate(filter.limit);
        }
        Ok(all)
    }

    /// An approval, and where it is.
    ///
    /// # Errors
    ///
    /// None has it, or one cannot be read.
    pub(crate) async fn find(&self, id: &str) -> Result<(&StoredApprovals, Approval)> {
        let wanted = ApprovalId::new(id);
        for stored in &self.0 {
            if let Some(approval) = stored.store.get(&wanted).await? {
                return Ok((stored, approval));
            }
        }
        Err(anyhow!("there is no approval {id:?}; `exuvia approvals list --state all` shows those that there are"))
    }
}
