//! A connection to the file, opened when it is needed and again after a failure.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode};

use super::{schema, unavailable_at};
use crate::access::{AccessStoreError, AccessStoreErrorKind};
use crate::store::sqlite::{BUSY, configure};

/// Between attempts to begin with the write-ahead log, for which SQLite itself does not wait.
const RETRY: Duration = Duration::from_millis(10);

/// What a commit survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Durability {
    /// A failure of the power.
    Full,
    /// The end of the process.
    Process,
}

/// A connection that may write.
pub(super) struct Database {
    /// None: in memory.
    file: Option<PathBuf>,
    durability: Durability,
    open: Option<Open>,
}

struct Open {
    connection: Connection,
    /// Device and number of the file.
    identity: (u64, u64),
}

impl Database {
    /// The database in a file. None: in memory. Nothing is opened yet.
    pub(super) fn new(file: Option<PathBuf>, durability: Durability) -> Self {
        Self { file, durability, open: None }
    }

    /// Does something with the connection, and gives it up if the database fails. A file that was put in the place of the opened one is opened.
    ///
    /// # Errors
    ///
    /// There is no connection, or the work failed.
    pub(super) fn with<T>(
        &mut self,
        work: impl FnOnce(&mut Connection) -> Result<T, AccessStoreError>,
    ) -> Result<T, AccessStoreError> {
        let identity = self.file.as_deref().map_or(Ok((0, 0)), identity)?;
        let mut open = match self.open.take().filter(|open| open.identity == identity) {
            Some(open) => open,
            None => Open { connection: self.connect()?, identity },
        };
        let result = work(&mut open.connection);
        let is_broken = result.as_ref().is_err_and(|error| error.kind() == AccessStoreErrorKind::Unavailable);
        if !is_broken || self.file.is_none() {
            self.open = Some(open);
        }
        result
    }

    fn connect(&self) -> Result<Connection, AccessStoreError> {
        let Some(file) = &self.file else {
            let mut connection = Connection::open_in_memory().map_err(super::unavailable)?;
            schema::migrate(&mut connection)?;
            return Ok(connection);
        };
        let mut connection = opened(file, self.durability).map_err(|error| unavailable_at(file, error))?;
        schema::migrate(&mut connection)?;
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
pub(super) fn create(file: &Path) -> Result<(), AccessStoreError> {
    let folder = file.parent().unwrap_or(file);
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder).and_then(|()| {
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(file) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        }
    });
    made.map_err(|error| unavailable_at(file, error))
}

fn identity(file: &Path) -> Result<(u64, u64), AccessStoreError> {
    let found = fs::metadata(file).map_err(|error| unavailable_at(file, error))?;
    Ok((found.dev(), found.ino()))
}
