//! Work that the writing thread must not wait for: the file of the newest checkpoint, and the compression of objects.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::queue::Queue;
use crate::store::PackedObject;
use crate::tree::{SigningKey, TreeHead};
use crate::{JournalError, JournalErrorKind, Object};

/// Jobs that may wait.
const MAX_JOBS: usize = 32;
const COMPRESSION_LEVEL: i32 = 3;
/// How long an object waits for room.
const RETRY: Duration = Duration::from_millis(500);

/// The file with the newest signed checkpoint.
pub(crate) struct CheckpointFile {
    key: SigningKey,
    path: PathBuf,
    /// What is to be written.
    newest: Mutex<Option<Vec<u8>>>,
    writing: Mutex<()>,
}

impl CheckpointFile {
    pub(crate) fn new(key: SigningKey, path: PathBuf) -> Self {
        Self { key, path, newest: Mutex::default(), writing: Mutex::default() }
    }

    /// Signs a checkpoint. The next [`write`](Self::write) writes it.
    pub(crate) fn sign(&self, tree: TreeHead) -> Result<Vec<u8>, JournalError> {
        let note = self.key.sign(tree)?;
        *locked(&self.newest) = Some(note.clone());
        Ok(note)
    }

    /// Writes the newest checkpoint, if it is not written: the file has the old one or the new one, whatever happens.
    ///
    /// # Errors
    ///
    /// The file cannot be written. The next call tries again.
    pub(crate) fn write(&self) -> Result<(), JournalError> {
        // A newer checkpoint is written after this one, and signing waits for none.
        let _writing = locked(&self.writing);
        let Some(note) = locked(&self.newest).clone() else { return Ok(()) };
        self.replace(&note).map_err(|error| JournalError::new(JournalErrorKind::Unavailable).caused_by(error))?;
        locked(&self.newest).take_if(|newest| *newest == note);
        Ok(())
    }

    fn replace(&self, note: &[u8]) -> std::io::Result<()> {
        let temporary = self.path.with_extension("new");
        let mut file = File::create(&temporary)?;
        file.write_all(note)?;
        file.sync_all()?;
        fs::rename(&temporary, &self.path)
    }
}

enum Job {
    Keep(Arc<Object>),
    Checkpoint,
}

/// A thread for such work. It ends with the last handle.
#[derive(Clone)]
pub(super) struct Upkeep {
    jobs: SyncSender<Job>,
}

impl Upkeep {
    pub(super) fn start(queue: Arc<Queue>, checkpoints: Arc<CheckpointFile>) -> Result<Self, JournalError> {
        let (jobs, received) = sync_channel(MAX_JOBS);
        std::thread::Builder::new()
            .name("journal-upkeep".to_owned())
            .spawn(move || work(&received, &queue, &checkpoints))
            .map_err(|error| JournalError::new(JournalErrorKind::Unavailable).caused_by(error))?;
        Ok(Self { jobs })
    }

    /// Has the newest checkpoint written. Where that fails, the next one is.
    pub(super) fn checkpoint(&self) {
        let _ = self.jobs.try_send(Job::Checkpoint);
    }

    /// Has an object compressed and queued.
    pub(super) fn keep(&self, object: Arc<Object>) -> Result<(), JournalError> {
        self.jobs.try_send(Job::Keep(object)).map_err(|error| {
            JournalError::new(match error {
                TrySendError::Full(_) => JournalErrorKind::Full,
                TrySendError::Disconnected(_) => JournalErrorKind::Unavailable,
            })
        })
    }
}

fn work(jobs: &Receiver<Job>, queue: &Queue, checkpoints: &CheckpointFile) {
    while let Ok(job) = jobs.recv() {
        match job {
            Job::Checkpoint => drop(checkpoints.write()),
            Job::Keep(object) => keep(&object, queue),
        }
    }
}

fn keep(object: &Object, queue: &Queue) {
    while let Ok(zstd) = zstd::bulk::compress(&object.bytes, COMPRESSION_LEVEL) {
        let packed = PackedObject { kind: object.kind, sha256: object.sha256.clone(), zstd };
        match queue.push_object(packed) {
            Err(error) if error.kind() == JournalErrorKind::Full => std::thread::sleep(RETRY),
            _ => break,
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
