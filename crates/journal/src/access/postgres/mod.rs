//! Issued keys and counters in PostgreSQL, in the schema of the journal: their tables are named `access_*`.

mod counters;
mod functions;
mod keys;
mod schema;

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
use crate::store::postgres::{Address, Purpose, Session, Sessions, by_session, within};

/// Connections for keys: one reads them regularly, one writes.
const KEY_SESSIONS: usize = 2;
/// Connections for counters. What comes while all are in use waits.
const COUNTER_SESSIONS: usize = 4;

/// Issued keys and counters in PostgreSQL, 13 or later, by the URL of the journal. It connects when it is needed, and again when it lost its connections.
pub struct PostgresAccessStore {
    keys: Sessions<AccessStoreError>,
    counters: Sessions<AccessStoreError>,
}

impl PostgresAccessStore {
    /// Opens the store at a URL, or makes its tables.
    ///
    /// # Errors
    ///
    /// [`Malformed`](AccessStoreErrorKind::Malformed): the URL is, or the schema has other tables than Exuvia's. [`Newer`](AccessStoreErrorKind::Newer): a newer
    /// program made it. [`Unavailable`](AccessStoreErrorKind::Unavailable): the server cannot be reached, or refuses.
    pub async fn open(url: &str) -> Result<Arc<Self>, AccessStoreError> {
        let address = Address::parse(url)
            .map_err(|error| AccessStoreError::new(AccessStoreErrorKind::Malformed).caused_by(error))?
            .for_writing();
        within(migrated(&address)).await?;
        Ok(Arc::new(Self {
            keys: Sessions::new(address.clone(), KEY_SESSIONS, check),
            counters: Sessions::new(address, COUNTER_SESSIONS, check),
        }))
    }
}

/// Makes the tables where they are missing.
async fn migrated(address: &Address) -> Result<(), AccessStoreError> {
    let session = Session::connect(address, Purpose::Write).await.map_err(unavailable)?;
    schema::migrate(&session, &address.schema).await
}

fn check<'a>(session: &'a Session, schema: &'a str) -> BoxFuture<'a, Result<(), AccessStoreError>> {
    Box::pin(schema::check(session, schema))
}

impl AccessStore for PostgresAccessStore {
    fn keys_since(&self, after: u64) -> BoxFuture<'_, Result<KeyChanges, AccessStoreError>> {
        Box::pin(by_session!(self.keys, |session| keys::since(session, after)))
    }

    fn key<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<StoredKey>, AccessStoreError>> {
        Box::pin(by_session!(self.keys, |session| keys::one(session, name)))
    }

    fn put_key<'a>(&'a self, key: &'a StoredKey) -> BoxFuture<'a, Result<u64, AccessStoreError>> {
        Box::pin(async move {
            let json = json::encode(key)?;
            by_session!(self.keys, |session| keys::put(session, key, &json)).await
        })
    }

    fn take<'a>(&'a self, takes: &'a [CounterTake]) -> BoxFuture<'a, Result<Taken, AccessStoreError>> {
        Box::pin(async move {
            let plan = Plan::of_takes(takes)?;
            by_session!(self.counters, |session| counters::take(session, &plan)).await
        })
    }

    fn give_back<'a>(&'a self, amounts: &'a [CounterAmount]) -> BoxFuture<'a, Result<(), AccessStoreError>> {
        Box::pin(async move {
            let plan = Plan::of_amounts(amounts)?;
            by_session!(self.counters, |session| counters::give_back(session, &plan)).await
        })
    }

    fn read<'a>(&'a self, windows: &'a [CounterWindow]) -> BoxFuture<'a, Result<Vec<u64>, AccessStoreError>> {
        Box::pin(async move {
            let plan = Plan::of_windows(windows)?;
            by_session!(self.counters, |session| counters::read(session, &plan)).await
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
            by_session!(self.counters, |session| counters::names(session, &range, window_start_ms)).await
        })
    }

    fn prune(&self, ended: Ended) -> BoxFuture<'_, Result<bool, AccessStoreError>> {
        Box::pin(async move {
            let windows = ended.windows_before_ms;
            let counters = by_session!(self.counters, |session| counters::prune(session, windows)).await?;
            Ok(by_session!(self.keys, |session| keys::prune(session, ended.keys_before_ms)).await? || counters)
        })
    }
}

impl FunctionStore for PostgresAccessStore {
    fn promoted(&self, known: Option<u64>) -> BoxFuture<'_, Result<Option<PromotedFunctions>, AccessStoreError>> {
        Box::pin(by_session!(self.keys, |session| functions::promoted(session, known)))
    }

    fn list_functions(&self) -> BoxFuture<'_, Result<Vec<StoredFunction>, AccessStoreError>> {
        Box::pin(by_session!(self.keys, |session| functions::all(session)))
    }

    fn function_source<'a>(
        &'a self,
        name: &'a str,
        sha256: &'a str,
    ) -> BoxFuture<'a, Result<Option<String>, AccessStoreError>> {
        Box::pin(by_session!(self.keys, |session| functions::source(session, name, sha256)))
    }

    fn propose<'a>(
        &'a self,
        new: &'a NewFunction,
        bounds: ProposalBounds,
    ) -> BoxFuture<'a, Result<Proposed, AccessStoreError>> {
        Box::pin(async move {
            stored::check(new)?;
            by_session!(self.keys, |session| functions::propose(session, new, bounds)).await
        })
    }

    fn promote<'a>(&'a self, new: &'a NewFunction) -> BoxFuture<'a, Result<u32, AccessStoreError>> {
        Box::pin(async move {
            stored::check(new)?;
            by_session!(self.keys, |session| functions::promote(session, new)).await
        })
    }

    fn retire<'a>(&'a self, retirement: &'a Retirement) -> BoxFuture<'a, Result<u64, AccessStoreError>> {
        Box::pin(by_session!(self.keys, |session| functions::retire(session, retirement)))
    }
}

impl std::fmt::Debug for PostgresAccessStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresAccessStore").finish_non_exhaustive()
    }
}

fn unavailable(error: tokio_postgres::Error) -> AccessStoreError {
    AccessStoreError::new(AccessStoreErrorKind::Unavailable).caused_by(error)
}

/// A row that is always there is missing.
fn missing(what: &str) -> AccessStoreError {
    AccessStoreError::new(AccessStoreErrorKind::Malformed).caused_by(format!("{what} is missing"))
}
