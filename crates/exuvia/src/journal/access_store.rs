//! The store of issued keys and of the counters of budgets: with the journal, and apart from its log.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use exuvia_config::{JournalConfig, JournalStore, Paths};
use exuvia_journal::{AccessStore, PostgresAccessStore, SqliteAccessStore};

/// The file in SQLite: one for all processes.
const FILE: &str = "access.db";

/// Opens the store, or makes one. Blocks for as long as a file system does not answer.
///
/// # Errors
///
/// It cannot be written, or a newer program made it.
pub(crate) async fn open_access_store(config: &JournalConfig) -> Result<Arc<dyn AccessStore>> {
    let opened: Result<Arc<dyn AccessStore>, _> = match &config.store {
        JournalStore::Memory => SqliteAccessStore::in_memory().map(|store| store as _),
        JournalStore::Postgres { url, .. } => PostgresAccessStore::open(&url.0).await.map(|store| store as _),
        JournalStore::Sqlite(folder) => {
            let file = file(folder.as_deref()).context("no home directory: set HOME or XDG_DATA_HOME, or `path` in [journal]")?;
            SqliteAccessStore::open(&file).map(|store| store as _)
        }
    };
    opened.context("the store of keys and budgets cannot be opened")
}

/// In the configured folder of the journal, or beside that of the user.
fn file(folder: Option<&Path>) -> Option<PathBuf> {
    match folder {
        Some(folder) => Some(folder.join(FILE)),
        None => Paths::of_user().journal_dir.map(|journal| journal.with_file_name(FILE)),
    }
}
