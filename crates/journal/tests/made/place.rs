//! Where a journal of a test is, in either store.

use std::path::Path;
use std::sync::Arc;

use exuvia_journal::{
    JournalError, OpenOptions, PostgresArchive, PostgresJournal, Report, SqliteArchive, SqliteJournal, StoreArchive,
    StoreJournal,
};
use exuvia_test_support::postgres::{self, Server};
use tempfile::{TempDir, tempdir};

use super::{copied, options, run};

/// The folder of a journal, and its database where it has one of its own.
pub struct Place {
    dir: TempDir,
    url: Option<String>,
    /// The database is not this one's.
    is_beside: bool,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let (Some(url), false) = (&self.url, self.is_beside) {
            postgres::remove(url);
        }
    }
}

impl Place {
    /// A new one in SQLite.
    pub fn sqlite() -> Option<Self> {
        Some(Self { dir: tempdir().expect("folder"), url: None, is_beside: false })
    }

    /// A new one in PostgreSQL. None: there is no server.
    pub fn postgres() -> Option<Self> {
        Server::shared().map(Self::at)
    }

    /// A new one at a server.
    pub fn at(server: &Server) -> Self {
        Self { dir: tempdir().expect("folder"), url: Some(server.create(None)), is_beside: false }
    }

    /// A copy of a closed journal.
    pub fn copy(&self) -> Self {
        let dir = tempdir().expect("folder");
        copied(self.dir(), dir.path());
        let url = self.url.as_ref().map(|url| Server::shared().expect("a server").create(Some(url)));
        Self { dir, url, is_beside: false }
    }

    /// The same journal for one more process: another folder with the same key. Only in PostgreSQL.
    pub fn beside(&self) -> Self {
        let dir = tempdir().expect("folder");
        std::fs::copy(self.dir().join("journal.key"), dir.path().join("journal.key")).expect("copied");
        Self { dir, url: self.url.clone(), is_beside: true }
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }

    pub async fn try_open(&self, options: &OpenOptions) -> Result<Arc<StoreJournal>, JournalError> {
        match &self.url {
            Some(url) => PostgresJournal::open(url, options).await,
            None => SqliteJournal::open(options),
        }
    }

    pub async fn open_with(&self, options: &OpenOptions) -> Arc<StoreJournal> {
        self.try_open(options).await.expect("a journal")
    }

    pub async fn open(&self) -> Arc<StoreJournal> {
        self.open_with(&options(self.dir())).await
    }

    pub fn try_archive(&self) -> Result<StoreArchive, JournalError> {
        match &self.url {
            Some(url) => PostgresArchive::open(url, self.dir()),
            None => SqliteArchive::open(self.dir()),
        }
    }

    pub fn archive(&self) -> StoreArchive {
        self.try_archive().expect("a journal")
    }

    pub async fn verify(&self) -> Report {
        self.archive().verify().await.expect("readable")
    }

    /// Executes statements in the database. Returns the first column of the last row.
    pub fn sql(&self, statements: &str) -> Option<String> {
        match &self.url {
            Some(url) => postgres::query(url, &format!("SET search_path = exuvia; {statements}")).expect("executed"),
            None => sqlite(self.dir(), statements).expect("executed"),
        }
    }

    /// Statements that take the database back to schema 6, but for its number.
    pub fn to_schema_6(&self) -> &'static str {
        match &self.url {
            Some(_) => "DROP TABLE stepped_over; ALTER TABLE log DROP COLUMN content_bytes",
            None => "DROP TABLE stepped_over; DELETE FROM progress WHERE name = 'content_bytes'",
        }
    }

    /// Bytes in a statement.
    pub fn blob(&self, bytes: &[u8]) -> String {
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        if self.url.is_some() { format!("'\\x{digits}'::bytea") } else { format!("x'{digits}'") }
    }

    /// A closed journal with so many runs of five calls each: 13 records a run.
    pub async fn fill(&self, runs: u64) {
        let journal = self.open().await;
        for number in 0..runs {
            super::append(&journal, &exuvia_tool::Principal::Operator, &format!("run-{number:04}"), run(5)).await;
        }
        journal.close().await.expect("closed");
    }
}

fn sqlite(dir: &Path, statements: &str) -> rusqlite::Result<Option<String>> {
    let database = super::database(dir);
    if !statements.starts_with("SELECT") {
        return database.execute_batch(statements).map(|()| None);
    }
    let found: rusqlite::types::Value = database.query_row(statements, [], |row| row.get(0))?;
    Ok(match found {
        rusqlite::types::Value::Integer(number) => Some(number.to_string()),
        rusqlite::types::Value::Text(text) => Some(text),
        _ => None,
    })
}

/// Makes a test of each of these functions for each store: they take a place.
#[macro_export]
macro_rules! for_both_stores {
    ($($(#[$attribute:meta])* $name:ident),* $(,)?) => {
        mod sqlite {
            $($(#[$attribute])* #[tokio::test(flavor = "multi_thread")] async fn $name() {
                super::$name(super::made::place::Place::sqlite().expect("always")).await;
            })*
        }
        mod postgres {
            $($(#[$attribute])* #[tokio::test(flavor = "multi_thread")] async fn $name() {
                if let Some(place) = super::made::place::Place::postgres() {
                    super::$name(place).await;
                }
            })*
        }
    };
}
