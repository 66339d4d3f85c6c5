//! Opening a journal for writing, and the comparison with its checkpoint.

use std::sync::Arc;

use tlog_tiles::tree_hash;

use super::{Folder, SqliteStore};
use crate::tree::{SigningKey, TreeHead, VerifyKey};
use crate::writer::{CheckpointFile, Pace};
use crate::{JournalError, JournalErrorKind, OpenOptions, StoreJournal};

/// A journal in SQLite.
#[derive(Debug)]
pub struct SqliteJournal;

impl SqliteJournal {
    /// Opens the journal in a folder for writing, or makes one. Reads and writes files: call it where blocking is allowed.
    ///
    /// # Errors
    ///
    /// [`Locked`](JournalErrorKind::Locked): another process writes it. [`Newer`](JournalErrorKind::Newer): a newer program made it.
    /// [`Inconsistent`](JournalErrorKind::Inconsistent): it has other records, or fewer, than its checkpoint says, or its key or checkpoint is missing.
    /// [`Unavailable`](JournalErrorKind::Unavailable): it cannot be written.
    pub fn open(options: &OpenOptions) -> Result<Arc<StoreJournal>, JournalError> {
        let (store, checkpoints) = opened(options)?;
        StoreJournal::start(Box::new(store), checkpoints, options, Pace::default())
    }
}

/// The store in a folder, compared with its checkpoint.
pub(crate) fn opened(options: &OpenOptions) -> Result<(SqliteStore, CheckpointFile), JournalError> {
    let folder = Folder::new(&options.dir);
    folder.create()?;
    let lock = folder.lock()?;
    let (key, checkpoint) = (folder.signing_key()?, folder.read(&folder.checkpoint())?);
    if !folder.database().exists() {
        check_nothing_is_lost(&folder, key.as_ref(), checkpoint.as_deref())?;
    }
    let mut store = SqliteStore::open(folder.clone(), lock)?;
    let key = match key {
        Some(key) => key,
        None if store.size() == 0 && checkpoint.is_none() => folder.create_signing_key()?,
        None => return Err(inconsistent(&folder, "its signing key `journal.key` is missing")),
    };
    if !folder.write_public_key(&key)? {
        return Err(inconsistent(
            &folder,
            "its public key `journal.vkey` is not that of its signing key `journal.key`",
        ));
    }
    let covered = match checkpoint {
        Some(checkpoint) => Some(compare(&folder, &mut store, &key, &checkpoint)?),
        None if store.size() == 0 => None,
        None => {
            return Err(inconsistent(
                &folder,
                &format!("it has {} records, and its file `checkpoint` is missing", store.size()),
            ));
        }
    };
    let checkpoints = CheckpointFile::new(key, folder.checkpoint());
    // What is on the disk as it should be waits for no disk.
    if covered != Some(store.size()) {
        checkpoints.sign(store.tree_head()?)?;
        checkpoints.write()?;
        folder.sync()?;
    }
    Ok((store, checkpoints))
}

/// Checks that there never was a record, where there is no database.
fn check_nothing_is_lost(
    folder: &Folder,
    key: Option<&SigningKey>,
    checkpoint: Option<&[u8]>,
) -> Result<(), JournalError> {
    match (key, checkpoint) {
        (_, None) => Ok(()),
        (None, Some(_)) => {
            Err(inconsistent(folder, "its database `journal.db` and its signing key `journal.key` are missing"))
        }
        (Some(key), Some(checkpoint)) => match said(folder, key, checkpoint)?.size {
            0 => Ok(()),
            size => Err(inconsistent(
                folder,
                &format!("its checkpoint says {size} records, and its database `journal.db` is missing"),
            )),
        },
    }
}

fn said(folder: &Folder, key: &SigningKey, checkpoint: &[u8]) -> Result<TreeHead, JournalError> {
    let opened = VerifyKey::parse(key.public())?.open(checkpoint);
    opened.map_err(|error| inconsistent(folder, &format!("its file `checkpoint` does not verify: {error:#}")))
}

/// Compares the records with the checkpoint. Returns how many it covers.
fn compare(folder: &Folder, store: &mut SqliteStore, key: &SigningKey, checkpoint: &[u8]) -> Result<u64, JournalError> {
    let said = said(folder, key, checkpoint)?;
    if said.size > store.size() {
        let found = format!(
            "its checkpoint says {} records, its database has {}: the last ones are missing",
            said.size,
            store.size()
        );
        return Err(inconsistent(folder, &found));
    }
    if store.hash(|tiles| tree_hash(said.size, tiles))? != said.root {
        let found = format!("the first {} records of its database are others than its checkpoint says", said.size);
        return Err(inconsistent(folder, &found));
    }
    Ok(said.size)
}

fn inconsistent(folder: &Folder, found: &str) -> JournalError {
    let place = folder.database();
    let place = place.parent().unwrap_or(&place).display();
    JournalError::new(JournalErrorKind::Inconsistent).caused_by(format!(
        "{place}: {found}. Restore the folder from a backup. Or keep it as evidence: move it away, and a new journal begins"
    ))
}
