//! Work that the writing thread must not wait for: the file of the newest checkpoint, the compression of objects, and guests.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::objects::Keeper;
use super::queue::Queue;
use crate::store::{GuestFolder, PackedObject};
use crate::tree::{SigningKey, TreeHead};
use crate::{JournalError, JournalErrorKind, Object, PackedGuest};

/// Jobs that may wait.
const MAX_JOBS: usize = 32;
const COMPRESSION_LEVEL: i32 = 3;
/// Objects up to this size are compressed where they come from, in less than a millisecond.
const SMALL_BYTES: usize = 32 << 10;
/// How long no guest is written after one could not be.
const GUEST_RETRY: Duration = Duration::from_secs(600);

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
        self.replace(&note).map_err(unavailable)?;
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
    Keep(Arc<Object>, Keeper),
    KeepGuest(PackedGuest, Keeper),
    Checkpoint,
}

/// A thread for such work. It ends with the last handle.
#[derive(Clone)]
pub(super) struct Upkeep {
    jobs: SyncSender<Job>,
    queue: Arc<Queue>,
}

impl Upkeep {
    pub(super) fn start(
        queue: Arc<Queue>,
        checkpoints: Arc<CheckpointFile>,
        guests: GuestFolder,
    ) -> Result<Self, JournalError> {
        let (jobs, received) = sync_channel(MAX_JOBS);
        let mut work = Work { queue: Arc::clone(&queue), checkpoints, guests, guest_retry_at: None };
        std::thread::Builder::new()
            .name("journal-upkeep".to_owned())
            .spawn(move || received.iter().for_each(|job| work.perform(job)))
            .map_err(unavailable)?;
        Ok(Self { jobs, queue })
    }

    /// Has the newest checkpoint written. Where that fails, the next one is.
    pub(super) fn checkpoint(&self) {
        let _ = self.jobs.try_send(Job::Checkpoint);
    }

    /// Has an object compressed and queued.
    pub(super) fn keep(&self, object: Arc<Object>, keeper: Keeper) {
        if object.bytes.len() <= SMALL_BYTES {
            keep(&object, &keeper, &self.queue);
        } else {
            // Where there is no room, the keeper is dropped.
            let _ = self.jobs.try_send(Job::Keep(object, keeper));
        }
    }

    /// Has a guest written, unless it is kept.
    pub(super) fn keep_guest(&self, guest: PackedGuest, keeper: Keeper) {
        let _ = self.jobs.try_send(Job::KeepGuest(guest, keeper));
    }
}

/// What the thread has.
struct Work {
    queue: Arc<Queue>,
    checkpoints: Arc<CheckpointFile>,
    guests: GuestFolder,
    /// One could not be written: no other attempt before then.
    guest_retry_at: Option<Instant>,
}

impl Work {
    fn perform(&mut self, job: Job) {
        match job {
            Job::Checkpoint => drop(self.checkpoints.write()),
            Job::Keep(object, keeper) => keep(&object, &keeper, &self.queue),
            Job::KeepGuest(guest, keeper) => self.keep_guest(&guest, &keeper),
        }
    }

    fn keep_guest(&mut self, guest: &PackedGuest, keeper: &Keeper) {
        if self.guest_retry_at.is_some_and(|at| Instant::now() < at) {
            return;
        }
        match self.guests.keep(guest) {
            Ok(()) => {
                self.guest_retry_at = None;
                keeper.send_replace(true);
            }
            Err(error) => {
                self.guest_retry_at = Some(Instant::now() + GUEST_RETRY);
                if let Some(losses) = self.queue.losses() {
                    losses.guest_not_kept(guest.sha256, &unavailable(error));
                }
            }
        }
    }
}

/// Compresses and queues an object. Where there is no room, the keeper is dropped.
fn keep(object: &Object, keeper: &Keeper, queue: &Queue) {
    let Ok(zstd) = zstd::bulk::compress(&object.bytes, COMPRESSION_LEVEL) else { return };
    let packed = PackedObject { kind: object.kind, sha256: object.sha256.clone(), zstd };
    if queue.push_object(packed).is_ok() {
        keeper.send_replace(true);
    }
}

fn unavailable(error: std::io::Error) -> JournalError {
    JournalError::new(JournalErrorKind::Unavailable).caused_by(error)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
