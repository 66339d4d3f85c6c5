//! The store of issued keys and of the counters of budgets, beside the journal.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use exuvia_access::{Access, IssuedKeys};
use exuvia_config::{DatabaseUrl, JournalConfig, JournalStore, Paths};
use exuvia_gateway::now_ms;
use exuvia_journal::{AccessStore, FunctionStore, PostgresAccessStore, SqliteAccessStore};
use exuvia_replay::sha256_hex;
use tokio_util::task::AbortOnDropHandle;

use crate::file_threads::FileThreads;

/// The file of the store, in the folder of the configured journal or in the data directory of the user.
const FILE: &str = "access.db";
/// How long it takes until a store that could not be opened is tried again.
const AGAIN: Duration = Duration::from_secs(5);

/// Why functions are not promoted where the journal is in memory.
pub(crate) const FUNCTIONS_IN_MEMORY: &str =
    "the journal is in memory: functions are kept where it is; set `path` or `url` in [journal]";

/// One store, as each of what is kept in it.
pub(crate) struct OpenStore {
    pub(crate) access: Arc<dyn AccessStore>,
    pub(crate) functions: Arc<dyn FunctionStore>,
}

impl OpenStore {
    fn of<T: AccessStore + FunctionStore + 'static>(store: Arc<T>) -> Self {
        Self { access: Arc::clone(&store) as _, functions: store }
    }
}

/// Where the store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StorePlace {
    /// In a file, which all processes of the user share.
    File(PathBuf),
    /// In the database of the journal.
    Database(DatabaseUrl),
    /// In memory: nobody can issue a key, and budgets are those of one process.
    Memory,
}

impl StorePlace {
    /// Where it is, with this journal.
    ///
    /// # Errors
    ///
    /// It would be in the data directory of the user, who has none.
    pub(crate) fn of(journal: &JournalConfig) -> Result<Self> {
        Ok(match &journal.store {
            JournalStore::Memory => Self::Memory,
            JournalStore::Postgres { url, .. } => Self::Database(url.clone()),
            JournalStore::Sqlite(Some(folder)) => Self::File(folder.join(FILE)),
            JournalStore::Sqlite(None) => {
                let folder = Paths::of_user().journal_dir;
                let folder = folder.context("no home directory: set HOME or XDG_DATA_HOME, or `path` in [journal]")?;
                Self::File(folder.with_file_name(FILE))
            }
        })
    }

    /// Names it, without telling where it is: the same for all processes that call its place the same. None: nobody shares it.
    pub(crate) fn id(&self) -> Option<String> {
        let place = match self {
            Self::File(file) => std::path::absolute(file).ok()?.into_os_string().into_encoded_bytes(),
            Self::Database(url) => url.0.as_bytes().to_vec(),
            Self::Memory => return None,
        };
        Some(sha256_hex([b"exuvia access store\0".as_slice(), &place].concat()))
    }

    /// Opens it, or makes one.
    ///
    /// # Errors
    ///
    /// It cannot be written, or a newer program made it.
    pub(crate) async fn open(self) -> Result<Arc<dyn AccessStore>> {
        Ok(self.opened().await?.access)
    }

    /// The same, with all that is kept in it.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open).
    pub(crate) async fn opened(self) -> Result<OpenStore> {
        let opened = match self {
            Self::Database(url) => PostgresAccessStore::open(&url.0).await.map(OpenStore::of),
            Self::Memory => SqliteAccessStore::in_memory().map(OpenStore::of),
            Self::File(file) => {
                let open = move || SqliteAccessStore::open(&file).map(OpenStore::of);
                FileThreads::default().run(open).await.context("the store of keys and budgets cannot be opened")?
            }
        };
        Ok(opened?)
    }

    /// Whether nobody has written anything there yet.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, Self::File(file) if !file.exists())
    }
}

/// Lets in those whose keys were issued, as soon as a role is configured and the store answers. Ends when it is dropped.
pub(crate) fn follow_issued_keys(access: Arc<Access>, store: Arc<dyn AccessStore>) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(async move {
        let mut changes = access.changes();
        while access.is_open() {
            if changes.changed().await.is_err() {
                return;
            }
        }
        loop {
            match IssuedKeys::open(Arc::clone(&store), Arc::new(now_ms)).await {
                Ok(issued) => return access.set_issued(issued),
                Err(error) => {
                    let error = anyhow::Error::from(error);
                    tracing::warn!(error = format!("{error:#}"), "the store of keys cannot be opened");
                }
            }
            tokio::time::sleep(AGAIN).await;
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(store: JournalStore) -> StorePlace {
        StorePlace::of(&JournalConfig { store, ..JournalConfig::default() }).expect("a place")
    }

    #[test]
    fn the_store_is_where_the_journal_is() {
        assert_eq!(place(JournalStore::Memory), StorePlace::Memory);
        let file = place(JournalStore::Sqlite(Some("/data/journal".into())));
        assert_eq!(file, StorePlace::File("/data/journal/access.db".into()));
        let url = DatabaseUrl("postgres://db/x".to_owned());
        assert_eq!(place(JournalStore::Postgres { url: url.clone(), folder: None }), StorePlace::Database(url));
    }

    #[test]
    fn a_store_has_one_name_for_all_who_share_it_and_none_where_nobody_does() {
        let file = |folder: &str| place(JournalStore::Sqlite(Some(folder.into()))).id();
        let here = std::env::current_dir().expect("a folder");
        assert_eq!(file("data"), place(JournalStore::Sqlite(Some(here.join("data")))).id());
        assert_ne!(file("/data"), file("/data/other"));
        assert_eq!(place(JournalStore::Memory).id(), None);
        let database = |url: &str| {
            place(JournalStore::Postgres { url: DatabaseUrl(url.to_owned()), folder: None }).id().expect("a name")
        };
        assert_ne!(database("postgres://a:secret@db/x"), database("postgres://a:secret@db/y"));
        assert!(!database("postgres://a:secret@db/x").contains("secret"));
    }
}
