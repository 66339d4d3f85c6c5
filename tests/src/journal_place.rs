//! Where the journal of a program under test is.

use std::path::PathBuf;
use std::sync::Arc;

use exuvia_journal::{
    ApprovalStore, OpenOptions, PostgresApprovals, PostgresArchive, PostgresJournal, SqliteApprovals, SqliteArchive,
    SqliteJournal, StoreArchive, StoreJournal,
};
use exuvia_test_support::postgres::{self, Server};

use crate::DataHome;

/// Where the journal of a program under test is: in its data directory, or in a database of its own, which is removed with this.
pub struct JournalPlace {
    url: Option<String>,
}

impl Drop for JournalPlace {
    fn drop(&mut self) {
        if let Some(url) = &self.url {
            postgres::remove(url);
        }
    }
}

impl JournalPlace {
    /// In the data directory.
    #[must_use]
    pub fn sqlite() -> Self {
        Self { url: None }
    }

    /// In PostgreSQL. None: there is no server, which is said.
    #[must_use]
    pub fn postgres() -> Option<Self> {
        Server::shared().map(Self::at)
    }

    /// In a database of this server.
    #[must_use]
    pub fn at(server: &Server) -> Self {
        Self { url: Some(server.create(None)) }
    }

    /// Whether it is in PostgreSQL.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.url.is_some()
    }

    /// Opens it for writing, in a data directory.
    ///
    /// # Panics
    ///
    /// It cannot be opened.
    pub async fn open(&self, data: &DataHome) -> Arc<StoreJournal> {
        let options = OpenOptions::new(self.folder(data), exuvia_gateway::now_ms);
        match &self.url {
            Some(url) => PostgresJournal::open(url, &options).await.expect("a journal"),
            None => SqliteJournal::open(&options).expect("a journal"),
        }
    }

    /// Opens it for reading, in a data directory.
    ///
    /// # Panics
    ///
    /// It cannot be opened.
    #[must_use]
    pub fn archive(&self, data: &DataHome) -> StoreArchive {
        match &self.url {
            Some(url) => PostgresArchive::open(url, &self.folder(data)).expect("a journal"),
            None => SqliteArchive::open(&self.folder(data)).expect("a journal"),
        }
    }

    /// The approvals that are kept in it, in a data directory.
    ///
    /// # Panics
    ///
    /// They cannot be opened.
    pub async fn approvals(&self, data: &DataHome) -> Arc<dyn ApprovalStore> {
        match &self.url {
            Some(url) => PostgresApprovals::open(url).await.expect("approvals"),
            None => SqliteApprovals::open(&self.folder(data)).expect("approvals"),
        }
    }

    /// The table `[journal]` of a configuration, with further lines.
    #[must_use]
    pub fn config(&self, lines: &str) -> String {
        let url = self.url.as_ref().map(|url| format!("url = {url:?}\n")).unwrap_or_default();
        format!("[journal]\n{url}{lines}\n")
    }

    /// The folder with the key, the checkpoint and, in SQLite, the database.
    #[must_use]
    pub fn folder(&self, data: &DataHome) -> PathBuf {
        let name = if self.is_shared() { "journal-postgres" } else { "journal" };
        data.as_path().join("exuvia").join(name)
    }
}

/// Makes a test of each of these functions for each store of a journal: they take a [`JournalPlace`].
#[macro_export]
macro_rules! for_both_journals {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[test] fn $name() {
                super::$name($crate::JournalPlace::sqlite());
            })*
        }
        mod postgres {
            $(#[test] fn $name() {
                if let Some(place) = $crate::JournalPlace::postgres() {
                    super::$name(place);
                }
            })*
        }
    };
}
