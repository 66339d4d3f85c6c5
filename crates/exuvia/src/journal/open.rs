//! Opening the journal that the configuration names.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, bail};
use exuvia_config::{DatabaseUrl, JournalConfig, JournalStore, Paths};
use exuvia_gateway::now_ms;
use exuvia_journal::{
    JournalError, JournalErrorKind, OpenOptions, PostgresArchive, PostgresJournal, Retention, SqliteArchive,
    SqliteJournal, StoreArchive, StoreJournal,
};
use tokio::runtime::Handle;

use super::{ProcessJournal, folders};

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// Opens the journal of this process. Must be called on a thread of a tokio runtime where blocking is allowed.
///
/// # Errors
///
/// The configured journal cannot be opened, or the default one holds something that must not be passed over.
pub(crate) fn open(config: &JournalConfig) -> Result<ProcessJournal> {
    let opened = match &config.store {
        JournalStore::Memory => return Ok(ProcessJournal::in_memory()),
        JournalStore::Postgres { url, folder } => in_database(url, &folders::of_database(folder.as_deref())?, config),
        JournalStore::Sqlite(Some(folder)) => in_folder(folder, config),
        JournalStore::Sqlite(None) => match in_data_dir(config)? {
            Some(opened) => Ok(opened),
            None => return Ok(ProcessJournal::in_memory()),
        },
    };
    let Opened { folder, journal, archive } = opened.context("the journal cannot be opened")?;
    tracing::info!(folder = %folder.display(), "journal opened");
    let url = match &config.store {
        JournalStore::Postgres { url, .. } => Some(url.clone()),
        _ => None,
    };
    Ok(ProcessJournal::stored(journal, archive, (&folder, url), config.checkpoint_copy.as_deref()))
}

struct Opened {
    folder: PathBuf,
    journal: Arc<StoreJournal>,
    archive: StoreArchive,
}

fn options(folder: &Path, config: &JournalConfig) -> OpenOptions {
    let max_age_ms = config.keep_days.saturating_mul(DAY_MS);
    let retention = Retention { max_age_ms, max_bytes: config.keep_bytes };
    OpenOptions { retention, ..OpenOptions::new(folder, now_ms) }
}

fn in_folder(folder: &Path, config: &JournalConfig) -> Result<Opened, JournalError> {
    let journal = SqliteJournal::open(&options(folder, config))?;
    Ok(Opened { folder: folder.to_owned(), journal, archive: SqliteArchive::open(folder)? })
}

fn in_database(url: &DatabaseUrl, folder: &Path, config: &JournalConfig) -> Result<Opened, JournalError> {
    let archive = PostgresArchive::open(&url.0, folder)?;
    let options = options(folder, config);
    let journal = Handle::current().block_on(PostgresJournal::open(&url.0, &options))?;
    Ok(Opened { folder: folder.to_owned(), journal, archive })
}

/// The first folder in the data directory that no other process writes to. None: none can be made, and none is
/// required.
fn in_data_dir(config: &JournalConfig) -> Result<Option<Opened>> {
    let Some(base) = Paths::of_user().journal_dir else {
        return without("no home directory: set HOME or XDG_DATA_HOME, or `path` in [journal]", config);
    };
    for folder in folders::siblings(&base) {
        match in_folder(&folder, config) {
            Ok(opened) => return Ok(Some(opened)),
            Err(error) if error.kind() == JournalErrorKind::Locked => {}
            Err(error) if error.kind() == JournalErrorKind::Unavailable && !folders::has_journal(&folder) => {
                return without(&format!("{error:#}"), config);
            }
            Err(error) => return Err(anyhow!(error).context("the journal cannot be opened")),
        }
    }
    bail!(
        "the journal cannot be opened: {} processes write to {} and its siblings already; give this one another `path` in [journal]",
        folders::MOST,
        base.display()
    )
}

/// Goes on without a journal that outlives the process, where the configuration does not ask for one and there is
/// none to lose.
fn without(why: &str, config: &JournalConfig) -> Result<Option<Opened>> {
    if config.is_required {
        bail!("the journal cannot be opened: {why}");
    }
    tracing::warn!(why, "runs are recorded in memory alone; `store = \"sqlite\"` in [journal] makes this an error");
    Ok(None)
}
