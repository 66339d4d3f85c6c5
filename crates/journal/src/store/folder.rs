//! The folder of a journal, or of a process that writes one in PostgreSQL.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::GuestFolder;
use crate::tree::SigningKey;
use crate::{JournalError, JournalErrorKind};

/// The paths in the folder of a journal.
#[derive(Debug, Clone)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(dir: &Path) -> Self {
        Self(dir.to_owned())
    }

    /// The database.
    pub(crate) fn database(&self) -> PathBuf {
        self.0.join("journal.db")
    }

    /// The newest signed checkpoint.
    pub(crate) fn checkpoint(&self) -> PathBuf {
        self.0.join("checkpoint")
    }

    /// The guests that runs were made with.
    pub(crate) fn guests(&self) -> GuestFolder {
        GuestFolder::new(self.0.join("guests"))
    }

    /// The private key that signs checkpoints.
    fn signing_key_path(&self) -> PathBuf {
        self.0.join("journal.key")
    }

    /// The public key that verifies them.
    pub(crate) fn public_key(&self) -> PathBuf {
        self.0.join("journal.vkey")
    }

    /// Creates the folder where it is missing, with mode 0700.
    ///
    /// # Errors
    ///
    /// It cannot be created.
    pub(crate) fn create(&self) -> Result<(), JournalError> {
        let created = DirBuilder::new().recursive(true).mode(0o700).create(&self.0);
        created.map_err(|error| at(&self.0, &error))
    }

    /// Takes the folder for this process, until the file is dropped.
    ///
    /// # Errors
    ///
    /// Another process has it.
    pub(crate) fn lock(&self) -> Result<File, JournalError> {
        let path = self.0.join("journal.lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
        let file = file.map_err(|error| at(&path, &error))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(JournalError::new(JournalErrorKind::Locked).caused_by(format!(
                "{} is locked: stop the other `exuvia`, or give this one another folder",
                path.display()
            ))),
            Err(TryLockError::Error(error)) => Err(at(&path, &error)),
        }
    }

    /// The key that signs checkpoints. None: there is none.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub(crate) fn signing_key(&self) -> Result<Option<SigningKey>, JournalError> {
        self.read(&self.signing_key_path())?.map(|text| SigningKey::parse(&String::from_utf8_lossy(&text))).transpose()
    }

    /// Makes a signing key, with mode 0600.
    ///
    /// # Errors
    ///
    /// It cannot be written, or there is one.
    pub(crate) fn create_signing_key(&self) -> Result<SigningKey, JournalError> {
        let (key, path) = (SigningKey::generate()?, self.signing_key_path());
        let written = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&path).and_then(|mut file| {
            file.write_all(format!("{}\n", key.secret()).as_bytes())?;
            file.sync_all()?;
            File::open(&self.0)?.sync_all()
        });
        written.map_err(|error| at(&path, &error))?;
        Ok(key)
    }

    /// Writes the public key where it is missing. Returns whether the one that is there is that of the signing key.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub(crate) fn write_public_key(&self, key: &SigningKey) -> Result<bool, JournalError> {
        let path = self.public_key();
        if let Some(found) = self.read(&path)? {
            return Ok(String::from_utf8_lossy(&found).trim() == key.public());
        }
        fs::write(&path, format!("{}\n", key.public())).map_err(|error| at(&path, &error))?;
        Ok(true)
    }

    /// A file. None: there is none.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub(crate) fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, JournalError> {
        match fs::read(path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(at(path, &error)),
        }
    }

    /// Has the names of new files kept for good.
    ///
    /// # Errors
    ///
    /// The folder cannot be written.
    pub(crate) fn sync(&self) -> Result<(), JournalError> {
        File::open(&self.0).and_then(|folder| folder.sync_all()).map_err(|error| at(&self.0, &error))
    }
}

fn at(path: &Path, error: &io::Error) -> JournalError {
    JournalError::new(JournalErrorKind::Unavailable).caused_by(format!("{}: {error}", path.display()))
}
