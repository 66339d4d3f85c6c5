//! Keys that are issued at run time: what holds now, in memory, and how they are changed in their store.

mod change;
mod error;
mod refresh;
mod standing;
mod table;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};

use exuvia_journal::{AccessStore, AccessStoreError, BudgetOverride, Clock};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

pub use change::{KeyIssuer, NewKey, Rotation};
pub use error::{KeyError, KeyErrorKind};
pub use standing::{KeyStanding, NoStanding};

use table::Table;

/// How often the store is asked for changes.
const PERIOD: Duration = Duration::from_millis(500);
/// How long keys hold that are known, while the store does not answer.
const HELD: Duration = Duration::from_secs(60);
/// How long an unknown secret is taken for a wrong one after the last answer of the store: later it may have been issued since.
const CERTAIN: Duration = Duration::from_secs(2);
/// How often all keys are read anew: a store that was restored from a copy is followed, and pruned keys are forgotten.
const READ_ANEW: Duration = Duration::from_secs(60);

/// Keys that were issued, as a table in memory that follows the store within half a second: each look is of one moment, without I/O, and takes the same
/// time for one key and for 100,000.
///
/// While the store does not answer, keys that are known hold for 60 s more, up to their expiry; then none does. It is one for a process, and ends its
/// task when it is dropped.
pub struct IssuedKeys {
    shared: Arc<Shared>,
    _refreshing: AbortOnDropHandle<()>,
}

struct Shared {
    table: RwLock<Table>,
    changed: watch::Sender<()>,
    clock: Clock,
    timing: Timing,
}

/// How often, and for how long.
#[derive(Debug, Clone, Copy)]
struct Timing {
    period: Duration,
    held: Duration,
    certain: Duration,
    read_anew: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self { period: PERIOD, held: HELD, certain: CERTAIN, read_anew: READ_ANEW }
    }
}

impl IssuedKeys {
    /// Reads all keys, and follows their changes from then on. Must be called on a runtime of tokio. `clock` is the time of day.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub async fn open(store: Arc<dyn AccessStore>, clock: Clock) -> Result<Arc<Self>, AccessStoreError> {
        Self::open_with(store, clock, Timing::default()).await
    }

    async fn open_with(
        store: Arc<dyn AccessStore>,
        clock: Clock,
        timing: Timing,
    ) -> Result<Arc<Self>, AccessStoreError> {
        let begun = Instant::now();
        let table = Table::of(store.keys_since(0).await?, begun);
        let shared = Arc::new(Shared { table: RwLock::new(table), changed: watch::Sender::new(()), clock, timing });
        let refreshing = tokio::spawn(refresh::follow(Arc::clone(&shared), store));
        Ok(Arc::new(Self { shared, _refreshing: AbortOnDropHandle::new(refreshing) }))
    }

    /// The key whose secret has this [hash](crate::secret_hash).
    ///
    /// # Errors
    ///
    /// There is none, it holds no longer, or the store has not answered for too long.
    pub fn find(&self, hash: &[u8; 32]) -> Result<KeyStanding, NoStanding> {
        let table = self.shared.table();
        let age = self.shared.age(&table)?;
        match table.by_hash(hash) {
            Some(key) => key.standing(hash, (self.shared.clock)()),
            None if age > self.shared.timing.certain => Err(NoStanding::Unavailable),
            None => Err(NoStanding::Unknown),
        }
    }

    /// What holds now of the key of this name, for whoever has shown the secret with this [hash](crate::secret_hash) before.
    ///
    /// # Errors
    ///
    /// It holds no longer, its secret was replaced, or the store has not answered for too long.
    pub fn standing(&self, name: &str, hash: &[u8; 32]) -> Result<KeyStanding, NoStanding> {
        let table = self.shared.table();
        self.shared.age(&table)?;
        table.by_name(name).ok_or(NoStanding::Unknown)?.standing(hash, (self.shared.clock)())
    }

    /// What holds now of the key of this name, for what its holder has started before, with the hash of its secret.
    ///
    /// # Errors
    ///
    /// As [`standing`](Self::standing).
    pub(crate) fn current(&self, name: &str) -> Result<(KeyStanding, [u8; 32]), NoStanding> {
        let table = self.shared.table();
        self.shared.age(&table)?;
        let key = table.by_name(name).ok_or(NoStanding::Unknown)?;
        let hash = key.hash();
        Ok((key.standing(&hash, (self.shared.clock)())?, hash))
    }

    /// Notifies of keys that were changed in the store, also of those that hold no longer. Says nothing when a key expires.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<()> {
        self.shared.changed.subscribe()
    }

    /// Whether a key of this name was issued, whatever became of it.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.shared.table().by_name(name).is_some()
    }

    /// The budgets that are other ones for a key, by the names of the keys that have some.
    #[must_use]
    pub fn overrides(&self) -> HashMap<String, Vec<BudgetOverride>> {
        self.shared.table().overrides()
    }

    /// How many keys are known, with those that hold no longer.
    #[must_use]
    pub fn count(&self) -> usize {
        self.shared.table().count()
    }
}

impl std::fmt::Debug for IssuedKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IssuedKeys").field("count", &self.count()).finish_non_exhaustive()
    }
}

impl Shared {
    fn table(&self) -> RwLockReadGuard<'_, Table> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// How old the table is.
    ///
    /// # Errors
    ///
    /// Too old.
    fn age(&self, table: &Table) -> Result<Duration, NoStanding> {
        let age = table.as_of().elapsed();
        if age > self.timing.held { Err(NoStanding::Unavailable) } else { Ok(age) }
    }
}

#[cfg(test)]
mod tests;
