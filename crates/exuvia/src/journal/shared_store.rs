//! The store of keys and budgets of a process, opened when it is first needed.

use std::sync::Arc;

use exuvia_config::JournalConfig;
use exuvia_journal::{
    AccessStore, AccessStoreError, AccessStoreErrorKind, CounterAmount, CounterTake, CounterWindow, Ended,
    FunctionStore, KeyChanges, NewFunction, PromotedFunctions, ProposalBounds, Proposed, Retirement, StoredFunction,
    StoredKey, Taken,
};
use exuvia_tool::BoxFuture;
use tokio::sync::OnceCell;

use super::StorePlace;
use super::access_store::OpenStore;

/// The store of the configured journal, for keys and for budgets. One that cannot be opened is tried again at each need: until then nothing
/// that needs it goes on.
pub(crate) struct SharedStore {
    config: JournalConfig,
    store: OnceCell<OpenStore>,
}

impl SharedStore {
    pub(crate) fn new(config: JournalConfig) -> Self {
        Self { config, store: OnceCell::new() }
    }

    async fn store(&self) -> Result<&Arc<dyn AccessStore>, AccessStoreError> {
        Ok(&self.opened().await?.access)
    }

    async fn functions(&self) -> Result<&Arc<dyn FunctionStore>, AccessStoreError> {
        Ok(&self.opened().await?.functions)
    }

    async fn opened(&self) -> Result<&OpenStore, AccessStoreError> {
        let unavailable = |error: anyhow::Error| {
            AccessStoreError::new(AccessStoreErrorKind::Unavailable).caused_by(error.into_boxed_dyn_error())
        };
        let open = || async { StorePlace::of(&self.config)?.opened().await };
        self.store.get_or_try_init(open).await.map_err(unavailable)
    }
}

impl AccessStore for SharedStore {
    fn keys_since(&self, after: u64) -> BoxFuture<'_, Result<KeyChanges, AccessStoreError>> {
        Box::pin(async move { self.store().await?.keys_since(after).await })
    }

    fn key<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<StoredKey>, AccessStoreError>> {
        Box::pin(async move { self.store().await?.key(name).await })
    }

    fn put_key<'a>(&'a self, key: &'a StoredKey) -> BoxFuture<'a, Result<u64, AccessStoreError>> {
        Box::pin(async move { self.store().await?.put_key(key).await })
    }

    fn take<'a>(&'a self, takes: &'a [CounterTake]) -> BoxFuture<'a, Result<Taken, AccessStoreError>> {
        Box::pin(async move { self.store().await?.take(takes).await })
    }

    fn give_back<'a>(&'a self, amounts: &'a [CounterAmount]) -> BoxFuture<'a, Result<(), AccessStoreError>> {
        Box::pin(async move { self.store().await?.give_back(amounts).await })
    }

    fn read<'a>(&'a self, windows: &'a [CounterWindow]) -> BoxFuture<'a, Result<Vec<u64>, AccessStoreError>> {
        Box::pin(async move { self.store().await?.read(windows).await })
    }

    fn names<'a>(
        &'a self,
        prefix: &'a str,
        window_start_ms: u64,
        after: &'a str,
    ) -> BoxFuture<'a, Result<Vec<String>, AccessStoreError>> {
        Box::pin(async move { self.store().await?.names(prefix, window_start_ms, after).await })
    }

    fn prune(&self, ended: Ended) -> BoxFuture<'_, Result<bool, AccessStoreError>> {
        Box::pin(async move { self.store().await?.prune(ended).await })
    }
}

impl FunctionStore for SharedStore {
    fn promoted(&self, known: Option<u64>) -> BoxFuture<'_, Result<Option<PromotedFunctions>, AccessStoreError>> {
        Box::pin(async move { self.functions().await?.promoted(known).await })
    }

    fn list_functions(&self) -> BoxFuture<'_, Result<Vec<StoredFunction>, AccessStoreError>> {
        Box::pin(async move { self.functions().await?.list_functions().await })
    }

    fn function_source<'a>(
        &'a self,
        name: &'a str,
        sha256: &'a str,
    ) -> BoxFuture<'a, Result<Option<String>, AccessStoreError>> {
        Box::pin(async move { self.functions().await?.function_source(name, sha256).await })
    }

    fn propose<'a>(
        &'a self,
        new: &'a NewFunction,
        bounds: ProposalBounds,
    ) -> BoxFuture<'a, Result<Proposed, AccessStoreError>> {
        Box::pin(async move { self.functions().await?.propose(new, bounds).await })
    }

    fn promote<'a>(&'a self, new: &'a NewFunction) -> BoxFuture<'a, Result<u32, AccessStoreError>> {
        Box::pin(async move { self.functions().await?.promote(new).await })
    }

    fn retire<'a>(&'a self, retirement: &'a Retirement) -> BoxFuture<'a, Result<u64, AccessStoreError>> {
        Box::pin(async move { self.functions().await?.retire(retirement).await })
    }
}
