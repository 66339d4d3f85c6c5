//! Engines with other guests than the program's own, made from the guests that journals have kept beside the records of their runs.

use std::error::Error;
use std::fmt;
use std::time::{Duration, Instant};

use exuvia_journal::{Archive, JournalError};
use exuvia_runtime::{Engine, Guest};
use exuvia_tool::locked;
use tokio::sync::Mutex;

use crate::error::{NotReplayable, ReplayError};

/// Guests that are remembered as unusable, so that none of them is compiled again for each of its runs.
const UNUSABLE: usize = 16;

/// Engines by the guests that they have: the program's own, and others, compiled when they are needed. One is compiled at a time, which takes
/// all processors for seconds, and some 100 MB of memory for as long as the engine is there.
pub struct GuestEngines {
    own: Engine,
    /// How many others there may be.
    most: usize,
    /// The last one was used last. Locked while one is compiled.
    others: Mutex<Vec<Other>>,
    unusable: std::sync::Mutex<Vec<(String, NotReplayable)>>,
}

struct Other {
    engine: Engine,
    used: Instant,
}

/// Why there is no engine with a guest.
#[derive(Debug)]
#[non_exhaustive]
pub enum GuestError {
    /// There never will be one.
    NotReplayable(NotReplayable),
    /// The journal cannot be read.
    Journal(JournalError),
    /// As many engines with other guests as there may be have runs: one is free when those are over.
    Busy,
}

impl fmt::Display for GuestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotReplayable(why) => why.fmt(f),
            Self::Journal(error) => error.fmt(f),
            Self::Busy => f.write_str("runs of other guests are in flight, and no further guest has room beside them"),
        }
    }
}

impl Error for GuestError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Journal(error) => error.source(),
            Self::NotReplayable(_) | Self::Busy => None,
        }
    }
}

impl From<ReplayError> for GuestError {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::NotReplayable(why) => Self::NotReplayable(why),
            ReplayError::Journal(error) => Self::Journal(error),
        }
    }
}

impl GuestEngines {
    /// Engines beside this one, at most so many.
    #[must_use]
    pub fn new(own: Engine, most: usize) -> Self {
        Self { own, most: most.max(1), others: Mutex::default(), unusable: std::sync::Mutex::default() }
    }

    /// The engine with the guest of this digest: the program's own, one that is there already, or one with the guest that this journal has kept.
    /// Must be called on a tokio runtime.
    ///
    /// # Errors
    ///
    /// The guest is not kept, or cannot be used by this program. The journal cannot be read. There is no room for another engine.
    pub async fn of(&self, sha256: &str, archive: &dyn Archive) -> Result<Engine, GuestError> {
        if sha256 == self.own.guest_sha256() {
            return Ok(self.own.clone());
        }
        let mut others = self.others.lock().await;
        if let Some(found) = others.iter().position(|other| other.engine.guest_sha256() == sha256) {
            let engine = others.remove(found).engine;
            others.push(Other { engine: engine.clone(), used: Instant::now() });
            return Ok(engine);
        }
        if let Some((_, why)) = locked(&self.unusable).iter().find(|(known, _)| known == sha256) {
            return Err(GuestError::NotReplayable(why.clone()));
        }
        if others.len() >= self.most {
            let unused = others.iter().position(|other| !other.engine.is_shared()).ok_or(GuestError::Busy)?;
            drop(others.remove(unused));
        }
        let kept = archive.object(sha256).await.map_err(GuestError::Journal)?;
        let Some(kept) = kept else {
            return Err(GuestError::NotReplayable(NotReplayable::GuestNotKept(sha256.to_owned())));
        };
        let engine = self.compiled(sha256, kept.bytes).await.map_err(GuestError::NotReplayable)?;
        others.push(Other { engine: engine.clone(), used: Instant::now() });
        Ok(engine)
    }

    async fn compiled(&self, sha256: &str, component: Vec<u8>) -> Result<Engine, NotReplayable> {
        let own = self.own.clone();
        let compiled = tokio::task::spawn_blocking(move || own.beside(Guest::compile(&component)?));
        let why = match compiled.await {
            Ok(Ok(engine)) if engine.guest_sha256() == sha256 => return Ok(engine),
            Ok(Ok(_)) => "what is kept under this digest is another one".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it cannot be compiled".to_owned(),
        };
        let why = NotReplayable::UnusableGuest { sha256: sha256.to_owned(), why };
        let mut unusable = locked(&self.unusable);
        if unusable.len() >= UNUSABLE {
            unusable.remove(0);
        }
        unusable.push((sha256.to_owned(), why.clone()));
        Err(why)
    }

    /// Gives up engines with other guests that nobody has used for this long, with their memory. Waits for nothing.
    pub fn give_up_unused(&self, idle: Duration) {
        // Otherwise one is being made or looked for.
        if let Ok(mut others) = self.others.try_lock() {
            others.retain(|other| other.engine.is_shared() || other.used.elapsed() < idle);
        }
    }
}

impl fmt::Debug for GuestEngines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuestEngines")
            .field("own", &self.own.guest_sha256())
            .field("most", &self.most)
            .finish_non_exhaustive()
    }
}
