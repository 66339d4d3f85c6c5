//! A connection to the file, opened when it is needed and again after a failure.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode};

use super::{BUSY, configure};
use crate::store::StoreError;

/// Between attempts to begin with the write-ahead log, for which SQLite itself does not wait.
const RETRY: Duration = Duration::from_millis(10);

/// What a commit survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// A failure of the power.
    Full,
    /// The end of the process.
    Process,
}

/// A connection that may write.
pub(crate) struct Database<E> {
    /// None: in memory.
    file: Option<PathBuf>,
    durability: Durability,
    /// What is done with a new connection: its tables are made, or checked.
    prepare: fn(&mut Connection) -> Result<(), E>,
    open: Option<Open>,
}

struct Open {
    connection: Connection,
    /// Device and number of the file.
    identity: (u64, u64),
}

impl<E: StoreError> Database<E> {
    /// The database in a file. None: in memory. Nothing is opened yet.
    pub(crate) fn new(
        file: Option<PathBuf>,
        durability: Durability,
        prepare: fn(&mut Connection) -> Result<(), E>,
    ) -> Self {
        Self { file, durability, prepare, open: None }
    }

    /// Does something with the connection, and gives it up if the database fails. A file that was put in the place of the opened one is opened.
    ///
    /// # Errors
    ///
    /// There is no connection, or the work failed.
    pub(crate) fn with<T>(&mut self, work: impl FnOnce(&mut Connection) -> Result<T, E>) -> Result<T, E> {
        let identity = self.file.as_deref().map_or(Ok((0, 0)), identity::<E>)?;
        let mut open = match self.open.take().filter(|open| open.identity == identity) {
            Some(open) => open,
            None => Open { connection: self.connect()?, identity },
        };
        let result = work(&mut open.connection);
        let is_broken = result.as_ref().is_err_and(E::is_unavailable);
        if !is_broken || self.file.is_none() {
            self.open = Some(open);
        }
        result
    }

    fn connect(&self) -> Result<Connection, E> {
        let Some(file) = &self.file else {
            let mut connection = Connection::open_in_memory().map_err(E::unavailable)?;
            (self.prepare)(&mut connection)?;
            return Ok(connection);
        };
        let mut connection = opened(file, self.durability).map_err(|error| at(file, error))?;
        (self.prepare)(&mut connection)?;
        Ok(connection)
    }
}

fn opened(file: &Path, durability: Durability) -> rusqlite::Result<Connection> {
    // A file that was removed is not made again in the midst of the work: only `create` makes one.
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE | rusqlite::OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    configure(&connection)?;
    let synchronous = if durability == Durability::Full { "FULL" } else { "NORMAL" };
    connection.pragma_update(None, "synchronous", synchronous)?;
    let begun = Instant::now();
    // Another process may begin with it at the same time.
    while let Err(error) = connection.pragma_update(None, "journal_mode", "WAL") {
        let is_busy = matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked));
        if !is_busy || begun.elapsed() > BUSY {
            return Err(error);
        }
        thread::sleep(RETRY);
    }
    Ok(connection)
}

/// Makes the file where it is missing, with mode 0600, and its folders with mode 0700.
///
/// # Errors
///
/// It cannot be made.
pub(crate) fn create<E: StoreError>(file: &Path) -> Result<(), E> {
    let folder = file.parent().unwrap_or(file);
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder).and_then(|()| {
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(file) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        }
    });
    made.map_err(|error| at(file, error))
}

fn identity<E: StoreError>(file: &Path) -> Result<(u64, u64), E> {
    let found = fs::metadata(file).map_err(|error| at(file, error))?;
    Ok((found.dev(), found.ino()))
}

fn at<E: StoreError>(path: &Path, error: impl std::fmt::Display) -> E {
    E::unavailable(format!("{}: {error}", path.display()))
}
