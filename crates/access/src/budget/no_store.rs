//! Where no counters are kept.

use exuvia_journal::{
    AccessStore, AccessStoreError, AccessStoreErrorKind, CounterAmount, CounterTake, CounterWindow, Ended, KeyChanges,
    StoredKey, Taken,
};
use exuvia_tool::BoxFuture;

/// A store that keeps nothing and answers nothing: what needs a counter is refused.
pub(super) struct NoStore;

fn nothing<T: Send + 'static>() -> BoxFuture<'static, Result<T, AccessStoreError>> {
    let error = AccessStoreError::new(AccessStoreErrorKind::Unavailable).caused_by("this process has no store");
    Box::pin(std::future::ready(Err(error)))
}

impl AccessStore for NoStore {
    fn keys_since(&self, _: u64) -> BoxFuture<'_, Result<KeyChanges, AccessStoreError>> {
        nothing()
    }

    fn key<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<StoredKey>, AccessStoreError>> {
        nothing()
    }

    fn put_key<'a>(&'a self, _: &'a StoredKey) -> BoxFuture<'a, Result<u64, AccessStoreError>> {
        nothing()
    }

    fn take<'a>(&'a self, _: &'a [CounterTake]) -> BoxFuture<'a, Result<Taken, AccessStoreError>> {
        nothing()
    }

    fn give_back<'a>(&'a self, _: &'a [CounterAmount]) -> BoxFuture<'a, Result<(), AccessStoreError>> {
        nothing()
    }

    fn read<'a>(&'a self, _: &'a [CounterWindow]) -> BoxFuture<'a, Result<Vec<u64>, AccessStoreError>> {
        nothing()
    }

    fn names<'a>(&'a self, _: &'a str, _: u64, _: &'a str) -> BoxFuture<'a, Result<Vec<String>, AccessStoreError>> {
        nothing()
    }

    fn prune(&self, _: Ended) -> BoxFuture<'_, Result<bool, AccessStoreError>> {
        nothing()
    }
}
