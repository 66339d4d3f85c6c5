//! The files that shapes of answers are read from.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant, SystemTime};

use exuvia_shapes::{Learned, ShapeFile, ShapeFileError};

/// How often it is looked at most whether the files are others.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The file of those who have a role, or have none, and for a role that of the operator as well: what was imported there of
/// documentation is told to everyone.
#[derive(Debug)]
pub(crate) struct ShapeSource {
    own: ShapeFile,
    operator: Option<ShapeFile>,
    /// Whether what answers told is read, or only what was imported of documentation.
    learns: bool,
    /// Locked while the files are used, so that nothing is read that lacks what is about to be stored.
    looked: Mutex<Option<Look>>,
}

/// What the files were when they were looked at last. They are replaced as a whole.
#[derive(Debug)]
struct Look {
    at: Instant,
    states: [FileState; 2],
}

/// When a file was written, and its length; None: there is none, or it cannot be looked at.
type FileState = Option<(Option<SystemTime>, u64)>;

impl ShapeSource {
    pub(crate) fn new(own: ShapeFile, learns: bool) -> Self {
        Self { own, operator: None, learns, looked: Mutex::default() }
    }

    pub(crate) fn of_role(&self, role: &str) -> Self {
        Self { operator: Some(self.own.clone()), ..Self::new(self.own.of_role(role), self.learns) }
    }

    /// Where what is learned is stored.
    pub(crate) fn path(&self) -> &Path {
        self.own.path()
    }

    /// What the files hold.
    pub(crate) fn read(&self) -> Result<Learned, ShapeFileError> {
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        *looked = Some(Look { at: Instant::now(), states: self.states() });
        self.known()
    }

    /// Hands on what the files hold where they are others than they were. Looks once a second, and not while they are used.
    pub(crate) fn reread(&self, now: Instant, taken: impl FnOnce(Result<Learned, ShapeFileError>)) {
        let mut looked: MutexGuard<'_, Option<Look>> = match self.looked.try_lock() {
            Ok(looked) => looked,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        let Some(last) = &mut *looked else { return };
        if now.saturating_duration_since(last.at) < LOOK_EVERY {
            return;
        }
        let before = std::mem::replace(last, Look { at: now, states: self.states() });
        if last.states != before.states {
            taken(self.known());
        }
    }

    /// Adds what `learned` gives, unless that cannot be stored.
    pub(crate) fn store(&self, learned: impl FnOnce() -> Learned) -> Result<(), (Learned, ShapeFileError)> {
        let _used = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let learned = learned();
        self.own.add(&learned).map_err(|error| (learned, error))
    }

    fn known(&self) -> Result<Learned, ShapeFileError> {
        let own = self.own.read()?;
        let mut known = if self.learns { own } else { own.documented() };
        if let Some(operator) = &self.operator {
            known.merge(operator.read()?.documented());
        }
        Ok(known)
    }

    fn states(&self) -> [FileState; 2] {
        [Some(&self.own), self.operator.as_ref()].map(|file| {
            let metadata = file?.path().metadata().ok()?;
            Some((metadata.modified().ok(), metadata.len()))
        })
    }
}
