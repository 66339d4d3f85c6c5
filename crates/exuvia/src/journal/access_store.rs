//! The store of issued keys and of what budgets have counted, beside the journal.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use exuvia_access::{Access, IssuedKeys};
use exuvia_config::{JournalConfig, JournalStore, Paths};
use exuvia_gateway::now_ms;
use exuvia_journal::{AccessStore, PostgresAccessStore, SqliteAccessStore};
use tokio::task::spawn_blocking;
use tokio_util::task::AbortOnDropHandle;

/// The file in a folder.
const FILE: &str = "access.db";
/// How long it takes until a store that could not be opened is tried again.
const AGAIN: Duration = Duration::from_secs(5);

/// Opens the store that belongs to the configured journal: in its database, in its folder, or beside the default one, where all processes
/// of the user share it.
///
/// # Errors
///
/// It cannot be opened.
pub(crate) async fn open_access_store(config: &JournalConfig) -> Result<Arc<dyn AccessStore>> {
    let file = match &config.store {
        JournalStore::Memory => return Ok(SqliteAccessStore::in_memory()?),
        JournalStore::Postgres { url, .. } => return Ok(PostgresAccessStore::open(&url.0).await?),
        JournalStore::Sqlite(Some(folder)) => folder.join(FILE),
        JournalStore::Sqlite(None) => in_data_dir()?,
    };
    let store = spawn_blocking(move || SqliteAccessStore::open(&file)).await.context("opening the store of keys")?;
    Ok(store?)
}

fn in_data_dir() -> Result<PathBuf> {
    let journal = Paths::of_user().journal_dir;
    let journal = journal.context("no home directory: set HOME or XDG_DATA_HOME, or `path` in [journal]")?;
    Ok(journal.with_file_name(FILE))
}

/// Lets in those whose keys were issued, as soon as a role is configured and the store answers. Ends when it is dropped.
pub(crate) fn follow_issued_keys(access: Arc<Access>, config: JournalConfig) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(async move {
        let mut changes = access.changes();
        while access.is_open() {
            if changes.changed().await.is_err() {
                return;
            }
        }
        loop {
            match opened(&config).await {
                Ok(issued) => return access.set_issued(issued),
                Err(error) => tracing::warn!(error = format!("{error:#}"), "the store of keys cannot be opened"),
            }
            tokio::time::sleep(AGAIN).await;
        }
    }))
}

async fn opened(config: &JournalConfig) -> Result<Arc<IssuedKeys>> {
    let store = open_access_store(config).await?;
    Ok(IssuedKeys::open(store, Arc::new(now_ms)).await?)
}
