//! Issued keys and counters in SQLite, in one file that several processes may write.

mod counters;
mod functions;
mod keys;
mod schema;

use std::path::Path;
use std::sync::Arc;

use exuvia_tool::BoxFuture;

use super::plan::{NameRange, Plan};
use super::{
    AccessStore, AccessStoreError, AccessStoreErrorKind, CounterAmount, CounterTake, CounterWindow, Ended, KeyChanges,
    StoredKey, Taken, json,
};
use crate::functions::{
    self as stored, FunctionStore, NewFunction, PromotedFunctions, ProposalBounds, Proposed, Retirement, StoredFunction,
};
use crate::store::sqlite::{Database, Durability, Lane, create};

/// Issued keys and counters in SQLite: one file, which several processes on one machine may write. Two threads work on it, one for keys and one for
/// counters, so that neither waits for the other.
pub struct SqliteAccessStore {
    keys: Lane<AccessStoreError>,
    counters: Lane<AccessStoreError>,
}

impl SqliteAccessStore {
    /// Opens the store in a file, or makes one, with mode 0600 in folders with mode 0700. Reads and writes files: call it where blocking is allowed.
    ///
    /// # Errors
    ///
    /// [`Newer`](AccessStoreErrorKind::Newer): a newer program made it. [`Malformed`](AccessStoreErrorKind::Malformed): it is another database.
    /// [`Unavailable`](AccessStoreErrorKind::Unavailable): it cannot be written.
    pub fn open(file: &Path) -> Result<Arc<Self>, AccessStoreError> {
        create(file)?;
        let open = |name: &str, durability| {
            let mut database = Database::new(Some(file.to_owned()), durability, schema::migrate);
            database.with(|_| Ok(()))?;
            Lane::start(name, database)
        };
        Ok(Arc::new(Self {
            keys: open("access-keys", Durability::Full)?,
            counters: open("access-counters", Durability::Process)?,
        }))
    }

    /// A store that ends with the process.
    ///
    /// # Errors
    ///
    /// The system gives no thread.
    pub fn in_memory() -> Result<Arc<Self>, AccessStoreError> {
        let lane = Lane::start("access-counters", Database::new(None, Durability::Process, schema::migrate))?;
        Ok(Arc::new(Self { keys: lane.clone(), counters: lane }))
    }
}

impl AccessStore for SqliteAccessStore {
    fn keys_since(&self, after: u64) -> BoxFuture<'_, Result<KeyChanges, AccessStoreError>> {
        Box::pin(self.keys.run(move |connection| keys::since(connection, after)))
    }

    fn key<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<StoredKey>, AccessStoreError>> {
        let name = name.to_owned();
        Box::pin(self.keys.run(move |connection| keys::one(connection, &name)))
    }

    fn put_key<'a>(&'a self, key: &'a StoredKey) -> BoxFuture<'a, Result<u64, AccessStoreError>> {
        Box::pin(async move {
            let (key, json) = (key.clone(), json::encode(key)?);
            self.keys.run(move |connection| keys::put(connection, &key, &json)).await
        })
    }

    fn take<'a>(&'a self, takes: &'a [CounterTake]) -> BoxFuture<'a, Result<Taken, AccessStoreError>> {
        Box::pin(async move {
            let plan = Plan::of_takes(takes)?;
            self.counters.run(move |connection| counters::take(connection, &plan)).await
        })
    }

    fn give_back<'a>(&'a self, amounts: &'a [CounterAmount]) -> BoxFuture<'a, Result<(), AccessStoreError>> {
        Box::pin(async move {
            let plan = Plan::of_amounts(amounts)?;
            self.counters.run(move |connection| counters::give_back(connection, &plan)).await
        })
    }

    fn read<'a>(&'a self, windows: &'a [CounterWindow]) -> BoxFuture<'a, Result<Vec<u64>, AccessStoreError>> {
        Box::pin(async move {
            let plan = Plan::of_windows(windows)?;
            self.counters.run(move |connection| counters::read(connection, &plan)).await
        })
    }

    fn names<'a>(
        &'a self,
        prefix: &'a str,
        window_start_ms: u64,
        after: &'a str,
    ) -> BoxFuture<'a, Result<Vec<String>, AccessStoreError>> {
        Box::pin(async move {
            let range = NameRange::of(prefix, after)?;
            self.counters.run(move |connection| counters::names(connection, &range, window_start_ms)).await
        })
    }

    fn prune(&self, ended: Ended) -> BoxFuture<'_, Result<bool, AccessStoreError>> {
        Box::pin(async move {
            let counters = self.counters.run(move |connection| counters::prune(connection, ended.windows_before_ms));
            let counters = counters.await?;
            let keys = self.keys.run(move |connection| keys::prune(connection, ended.keys_before_ms)).await?;
            Ok(counters || keys)
        })
    }
}

impl FunctionStore for SqliteAccessStore {
    fn promoted(&self, known: Option<u64>) -> BoxFuture<'_, Result<Option<PromotedFunctions>, AccessStoreError>> {
        Box::pin(self.keys.run(move |connection| functions::promoted(connection, known)))
    }

    fn list_functions(&self) -> BoxFuture<'_, Result<Vec<StoredFunction>, AccessStoreError>> {
        Box::pin(self.keys.run(|connection| functions::all(connection)))
    }

    fn function_source<'a>(
        &'a self,
        name: &'a str,
        sha256: &'a str,
    ) -> BoxFuture<'a, Result<Option<String>, AccessStoreError>> {
        let (name, sha256) = (name.to_owned(), sha256.to_owned());
        Box::pin(self.keys.run(move |connection| functions::source(connection, &name, &sha256)))
    }

    fn propose<'a>(
        &'a self,
        new: &'a NewFunction,
        bounds: ProposalBounds,
    ) -> BoxFuture<'a, Result<Proposed, AccessStoreError>> {
        Box::pin(async move {
            stored::check(new)?;
            let new = new.clone();
            self.keys.run(move |connection| functions::propose(connection, &new, bounds)).await
        })
    }

    fn promote<'a>(&'a self, new: &'a NewFunction) -> BoxFuture<'a, Result<u32, AccessStoreError>> {
        Box::pin(async move {
            stored::check(new)?;
            let new = new.clone();
            self.keys.run(move |connection| functions::promote(connection, &new)).await
        })
    }

    fn retire<'a>(&'a self, retirement: &'a Retirement) -> BoxFuture<'a, Result<u64, AccessStoreError>> {
        let retirement = retirement.clone();
        Box::pin(self.keys.run(move |connection| functions::retire(connection, &retirement)))
    }
}

impl std::fmt::Debug for SqliteAccessStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteAccessStore").finish_non_exhaustive()
    }
}

fn unavailable(error: rusqlite::Error) -> AccessStoreError {
    AccessStoreError::new(AccessStoreErrorKind::Unavailable).caused_by(error)
}
