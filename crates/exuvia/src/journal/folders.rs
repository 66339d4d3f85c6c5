//! The folders that journals are kept in, and reading all of them.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use exuvia_admin::{Journals, ReadJournal};
use exuvia_config::{JournalConfig, JournalStore, Paths};
use exuvia_journal::{Archive, PostgresArchive, Record, SqliteArchive, StoreArchive};

/// Processes that may write to journals in one data directory at a time.
pub(super) const MOST: usize = 16;

/// The folders in a data directory: `journal`, `journal-2`, and so on.
pub(crate) fn siblings(base: &Path) -> impl Iterator<Item = PathBuf> {
    let numbered = |number: usize| match number {
        1 => base.to_owned(),
        number => {
            let mut name = base.as_os_str().to_owned();
            name.push(format!("-{number}"));
            name.into()
        }
    };
    (1..=MOST).map(numbered)
}

/// The folder of a process whose journal is in a database: the configured one, or that in the data directory.
///
/// # Errors
///
/// There is no home directory, and none is configured.
pub(super) fn of_database(configured: Option<&Path>) -> Result<PathBuf> {
    if let Some(folder) = configured {
        return Ok(folder.to_owned());
    }
    let base =
        Paths::of_user().journal_dir.context("no home directory: set HOME or XDG_DATA_HOME, or `path` in [journal]")?;
    Ok(base.with_file_name("journal-postgres"))
}

/// Whether there is a journal in the folder.
pub(crate) fn has_journal(folder: &Path) -> bool {
    folder.join("journal.db").exists()
}

/// A journal, for reading.
pub(crate) struct Found {
    pub(crate) folder: PathBuf,
    pub(crate) archive: StoreArchive,
}

/// Every journal that the configuration names.
pub(crate) type Archives = Journals<Found>;

/// Opens every journal that the configuration names. Reads files.
///
/// # Errors
///
/// There is none, or one cannot be read.
pub(crate) fn open_archives(config: &JournalConfig) -> Result<Archives> {
    let folders: Vec<PathBuf> = match &config.store {
        JournalStore::Memory => {
            bail!("the journal is in memory: only its own process could read it; set `path` in [journal]")
        }
        JournalStore::Postgres { url, folder } => {
            let folder = of_database(folder.as_deref())?;
            let archive = PostgresArchive::open(&url.0, &folder)?;
            return Ok(Journals(vec![Found { folder, archive }]));
        }
        JournalStore::Sqlite(Some(folder)) => vec![folder.clone()],
        JournalStore::Sqlite(None) => {
            let base = Paths::of_user().journal_dir.context("no home directory: set HOME or XDG_DATA_HOME")?;
            let there: Vec<_> = siblings(&base).filter(|folder| has_journal(folder)).collect();
            if there.is_empty() { vec![base] } else { there }
        }
    };
    folders.into_iter().map(found).collect::<Result<Vec<_>>>().map(Journals)
}

/// The record of a run or direct call, with the journal that has it.
///
/// # Errors
///
/// None has it, or one cannot be read.
pub(crate) async fn record<'a>(archives: &'a Archives, id: &str) -> Result<(&'a Found, Record)> {
    archives.record(id).await?.ok_or_else(|| unknown(id))
}

impl ReadJournal for Found {
    fn place(&self) -> String {
        self.folder.display().to_string()
    }

    fn archive(&self) -> &dyn Archive {
        &self.archive
    }

    fn stored(&self) -> Option<&StoreArchive> {
        Some(&self.archive)
    }
}

fn found(folder: PathBuf) -> Result<Found> {
    if !has_journal(&folder) {
        bail!("no journal in {}: nothing has been recorded there yet", folder.display());
    }
    let archive = SqliteArchive::open(&folder).with_context(|| folder.display().to_string())?;
    Ok(Found { folder, archive })
}

/// No journal has a run of this name.
pub(crate) fn unknown(id: &str) -> anyhow::Error {
    anyhow!("no run or direct call {id:?} is recorded; `exuvia runs list` shows what is")
}
