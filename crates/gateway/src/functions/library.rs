//! The functions of a gateway: those of a directory and those that are stored, as they are now.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::time::{Duration, Instant};
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

/// How long promotions hold that are known, while the store does not answer: as long as keys.
const STORE_HOLDS: Duration = Duration::from_secs(60);

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
    /// How long promotions hold without the store.
    holds: Duration,
}

/// What the set was made of.
#[derive(Default)]
struct Seen {
    dir: Option<PathBuf>,
    stamp: Option<Stamp>,
    files: Arc<[FunctionFile]>,
    promoted: Option<PromotedFunctions>,
    /// When the store answered last.
    answered: Option<Instant>,
    /// Whether that is too long ago.
    is_overdue: bool,
}

impl Seen {
    /// The store has answered, or not. Whether something else may be called now because of that.
    fn store_answered(&mut self, answers: bool, holds: Duration) -> bool {
        if answers {
            self.answered = Some(Instant::now());
        }
        let is_overdue = !answers && self.answered.is_some_and(|at| at.elapsed() > holds);
        std::mem::replace(&mut self.is_overdue, is_overdue) != is_overdue
    }
}

impl FunctionLibrary {
    /// Those of a store, and of the directory that the configuration names. Empty until it is [refreshed](Self::refresh).
    #[must_use]
    pub fn new(store: Arc<dyn FunctionStore>) -> Arc<Self> {
        Self::holding(store, STORE_HOLDS)
    }

    fn holding(store: Arc<dyn FunctionStore>, holds: Duration) -> Arc<Self> {
        let (set, seen, told) = Default::default();
        Arc::new(Self { store, runtime: Handle::try_current().ok(), set, seen, told, holds })
    }

    /// Looks at the directory and the store. Whether anything has changed. What cannot be read is as it was, and the log says why; a store that does
    /// not answer for a minute withholds all functions.
    pub async fn refresh(&self, config: &FunctionsConfig) -> bool {
        let mut seen = self.seen.lock().await;
        let mut troubles = Vec::new();
        let known = seen.promoted.as_ref().map(|promoted| promoted.revision);
        let answer = self.store.promoted(known).await;
        let has_turned = seen.store_answered(answer.is_ok(), self.holds);
        let promoted = answer.unwrap_or_else(|error| {
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
        if promoted.is_none() && files.is_none() && !has_turned {
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
        let set = if seen.is_overdue { set.without_store() } else { set };
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

/// Says which functions are not called any more, and why.
fn tell_withdrawn(now: &FunctionSet, before: &FunctionSet) {
    for (name, why) in now.withdrawn().filter(|(name, _)| before.why_withdrawn(name).is_none()) {
        tracing::warn!(function = name, why = why.name(), fix = why.fix(), "function withheld");
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use exuvia_functions::{Function, Withdrawn};
    use exuvia_journal::{FunctionAct, Retirement, SqliteAccessStore, StoredFunction};
    use exuvia_tool::{BoxFuture, Principal};

    use super::*;

    /// A store that can be away.
    struct Away {
        store: Arc<SqliteAccessStore>,
        is_away: AtomicBool,
    }

    impl FunctionStore for Away {
        fn promoted(&self, known: Option<u64>) -> BoxFuture<'_, Result<Option<PromotedFunctions>, AccessStoreError>> {
            match self.is_away.load(Ordering::Relaxed) {
                true => Box::pin(async { Err(AccessStoreError::new(AccessStoreErrorKind::Unavailable)) }),
                false => self.store.promoted(known),
            }
        }

        fn list_functions(&self) -> BoxFuture<'_, Result<Vec<StoredFunction>, AccessStoreError>> {
            self.store.list_functions()
        }

        fn function_source<'a>(
            &'a self,
            name: &'a str,
            sha256: &'a str,
        ) -> BoxFuture<'a, Result<Option<String>, AccessStoreError>> {
            self.store.function_source(name, sha256)
        }

        fn propose<'a>(
            &'a self,
            new: &'a NewFunction,
            bounds: ProposalBounds,
        ) -> BoxFuture<'a, Result<Proposed, AccessStoreError>> {
            self.store.propose(new, bounds)
        }

        fn promote<'a>(&'a self, new: &'a NewFunction) -> BoxFuture<'a, Result<u32, AccessStoreError>> {
            self.store.promote(new)
        }

        fn retire<'a>(&'a self, retirement: &'a Retirement) -> BoxFuture<'a, Result<u64, AccessStoreError>> {
            self.store.retire(retirement)
        }
    }

    #[tokio::test]
    async fn what_was_promoted_holds_for_a_while_without_the_store_and_again_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let source = "def one() -> int:\n    'One.'\n    return 1\n";
        std::fs::write(folder.path().join("one.py"), source).unwrap();
        let config = FunctionsConfig {
            dir: Some(folder.path().to_owned()),
            propose: false,
            expose: false,
            depth: 1,
            proposals: 1,
            proposals_per_principal: 1,
        };
        let sha256 = Function::read("one".parse().unwrap(), source).unwrap().sha256().to_owned();
        let act = FunctionAct { principal: Principal::Operator, at_ms: 1, run: None };
        for (holds, still) in [(STORE_HOLDS, true), (Duration::ZERO, false)] {
            let store = Arc::new(Away { store: SqliteAccessStore::in_memory().unwrap(), is_away: false.into() });
            let new =
                NewFunction { name: "one".into(), sha256: sha256.clone(), source: source.into(), act: act.clone() };
            store.promote(&new).await.unwrap();
            let library = FunctionLibrary::holding(Arc::clone(&store) as _, holds);
            assert!(library.refresh(&config).await && library.set().get("one").is_some());
            store.is_away.store(true, Ordering::Relaxed);
            assert_eq!(library.refresh(&config).await, !still);
            assert_eq!(library.set().get("one").is_some(), still);
            assert_eq!(library.set().why_withdrawn("one"), (!still).then_some(Withdrawn::Unknown));
            assert!(!library.refresh(&config).await, "nothing more changes");
            store.is_away.store(false, Ordering::Relaxed);
            assert_eq!(library.refresh(&config).await, !still);
            assert!(library.set().get("one").is_some());
        }
    }
}
