//! The functions of a gateway: those of a directory and those that are stored, as they are now.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::time::Duration;
use std::{fmt, io};

use exuvia_config::FunctionsConfig;
use exuvia_functions::{Approved, FunctionFile, FunctionSet, Stamp, read_directory, stamp};
use exuvia_journal::{
    AccessStoreError, AccessStoreErrorKind, FunctionStore, NewFunction, PromotedFunctions, ProposalBounds, Proposed,
};
use tokio::runtime::Handle;

use crate::view_store::ViewStore;

/// How often the directory and the store are looked at.
const POLL: Duration = Duration::from_secs(1);

/// The functions of a gateway. What may be called is what was promoted: of a file that changed since, nothing.
pub struct FunctionLibrary {
    store: Arc<dyn FunctionStore>,
    /// Where the store is asked on behalf of runs, whose threads open no connections. None: there.
    runtime: Option<Handle>,
    set: RwLock<Arc<FunctionSet>>,
    /// Locked while it is refreshed.
    seen: tokio::sync::Mutex<Seen>,
    /// What the log has said last, so that it is said once.
    told: Mutex<String>,
}

/// What the set was made of.
#[derive(Default)]
struct Seen {
    dir: Option<PathBuf>,
    stamp: Option<Stamp>,
    files: Arc<[FunctionFile]>,
    promoted: Option<PromotedFunctions>,
}

impl FunctionLibrary {
    /// Those of a store, and of the directory that the configuration names. Empty until it is [refreshed](Self::refresh).
    #[must_use]
    pub fn new(store: Arc<dyn FunctionStore>) -> Arc<Self> {
        let (set, seen, told) = Default::default();
        Arc::new(Self { store, runtime: Handle::try_current().ok(), set, seen, told })
    }

    /// Looks at the directory and the store. Whether anything has changed. What cannot be read is as it was, and the log says why.
    pub async fn refresh(&self, config: &FunctionsConfig) -> bool {
        let mut seen = self.seen.lock().await;
        let mut troubles = Vec::new();
        let known = seen.promoted.as_ref().map(|promoted| promoted.revision);
        let promoted = self.store.promoted(known).await.unwrap_or_else(|error| {
            troubles.push(format!("the store of functions cannot be read: {error:#}"));
            None
        });
        let (dir, before) = (config.dir.clone(), seen.stamp.clone().filter(|_| seen.dir == config.dir));
        let read = tokio::task::spawn_blocking(move || files(dir, before)).await;
        let files = read.unwrap_or_else(|error| Err(io::Error::other(error))).unwrap_or_else(|error| {
            troubles.push(format!("the directory of functions cannot be read: {error}"));
            None
        });
        self.tell(troubles.join("; "));
        if promoted.is_none() && files.is_none() {
            return false;
        }
        if let Some((stamp, files)) = files {
            (seen.dir, seen.stamp, seen.files) = (config.dir.clone(), Some(stamp), files.into());
        }
        seen.promoted = promoted.or(seen.promoted.take());
        let (files, approved) = (Arc::clone(&seen.files), seen.promoted.as_ref().map(approved).unwrap_or_default());
        // Each is read as Python.
        let Ok(set) = tokio::task::spawn_blocking(move || FunctionSet::of(&files, &approved)).await else {
            return false;
        };
        tell_withdrawn(&set, &self.set());
        *self.set.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(set);
        true
    }

    /// Which may be called now.
    #[must_use]
    pub fn set(&self) -> Arc<FunctionSet> {
        Arc::clone(&self.set.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Keeps a proposal of a script.
    pub(super) async fn propose(&self, new: NewFunction, bounds: ProposalBounds) -> Result<Proposed, AccessStoreError> {
        let store = Arc::clone(&self.store);
        let propose = async move { store.propose(&new, bounds).await };
        match &self.runtime {
            None => propose.await,
            Some(runtime) => runtime
                .spawn(propose)
                .await
                .unwrap_or_else(|error| Err(AccessStoreError::new(AccessStoreErrorKind::Unavailable).caused_by(error))),
        }
    }

    fn tell(&self, trouble: String) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if *told != trouble && !trouble.is_empty() {
            tracing::error!(error = trouble, "functions are as they were before");
        }
        *told = trouble;
    }
}

impl fmt::Debug for FunctionLibrary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FunctionLibrary").finish_non_exhaustive()
    }
}

type Files = (Stamp, Vec<FunctionFile>);

/// The files of a directory. None: they are as they were.
fn files(dir: Option<PathBuf>, before: Option<Stamp>) -> io::Result<Option<Files>> {
    let Some(dir) = dir else { return Ok(before.is_none().then(Files::default)) };
    let now = stamp(&dir)?;
    if Some(&now) == before.as_ref() {
        return Ok(None);
    }
    Ok(Some((now, read_directory(&dir)?)))
}

fn approved(promoted: &PromotedFunctions) -> Vec<Approved> {
    let approved = promoted.functions.iter().map(|(function, source)| Approved {
        name: function.name.clone(),
        sha256: function.sha256.clone(),
        source: source.as_str().into(),
        version: function.version.unwrap_or_default(),
        is_of_directory: function.proposed.is_none(),
    });
    approved.collect()
}

/// Says which functions are not called any more because their files changed.
fn tell_withdrawn(now: &FunctionSet, before: &FunctionSet) {
    for (name, why) in now.withdrawn().filter(|(name, _)| before.why_withdrawn(name).is_none()) {
        let why = why.name();
        tracing::warn!(function = name, why, "function withheld until `exuvia functions promote`");
    }
}

/// Keeps what scripts see up to date, for as long as the store of views exists. While no functions are configured it waits for a reload.
pub(crate) async fn follow(library: Arc<FunctionLibrary>, followed: Weak<ViewStore>) {
    loop {
        let (config, mut changes) = match followed.upgrade() {
            Some(view_store) => (view_store.functions_config(), view_store.changes()),
            None => return,
        };
        match config {
            Some(config) => {
                tokio::time::sleep(POLL).await;
                if library.refresh(&config).await && !crate::view_store::renew(&followed).await {
                    return;
                }
            }
            None => {
                if changes.changed().await.is_err() {
                    return;
                }
            }
        }
    }
}
