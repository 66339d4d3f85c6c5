//! The seam between who acts and a database: issued keys, and the counters of budgets. They are kept beside the journal and apart from its log.
//!
//! Several processes may write one store. Nothing here reads a clock: times come from the caller.

mod error;
mod json;
mod key;
mod plan;
mod postgres;
mod sqlite;

use exuvia_tool::BoxFuture;

pub use error::{AccessStoreError, AccessStoreErrorKind};
pub use key::{BudgetOverride, KeyChanges, PreviousSecret, StoredKey};
pub use postgres::PostgresAccessStore;
pub use sqlite::SqliteAccessStore;

/// The most counters that one [`take`](AccessStore::take) or [`give_back`](AccessStore::give_back) names.
pub const MAX_COUNTERS: usize = 64;
/// The longest name of a counter, in bytes.
pub const MAX_COUNTER_BYTES: usize = 512;
/// The most keys that a store keeps, with those that are over and not yet pruned.
pub const MAX_KEYS: u64 = 100_000;
/// The most counters that one [`names`](AccessStore::names) gives.
pub const MAX_NAMES: usize = 1_000;
/// The most keys, and the most counters, that are pruned in one step.
const PRUNED_AT_ONCE: u64 = 1_000;

/// Issued keys and the counters of budgets, in a database that several processes may share. Its futures are polled in a runtime of tokio, and never block
/// its threads; each of them ends within about 10 s, with [`Unavailable`](AccessStoreErrorKind::Unavailable) where the database does not answer. Whoever
/// stops polling one leaves open whether its change is made.
pub trait AccessStore: Send + Sync {
    /// The keys that were written after this version of all keys, and the version that includes them. 0: all of them. Cheap where nothing has changed.
    ///
    /// A version that is lower than `after` says that the database was restored from a copy: read all keys again. Keys that are
    /// [pruned](Self::prune) are not told.
    ///
    /// # Errors
    ///
    /// The database does not answer, or a newer program has changed its schema or written a key.
    fn keys_since(&self, after: u64) -> BoxFuture<'_, Result<KeyChanges, AccessStoreError>>;

    /// One key by its name. None: there is none of that name.
    ///
    /// # Errors
    ///
    /// As for [`keys_since`](Self::keys_since).
    fn key<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<StoredKey>, AccessStoreError>>;

    /// Writes a key, durably: with [`revision`](StoredKey::revision) 0 as a new one, otherwise in place of the one that has exactly this revision. Returns
    /// its new revision, which is the version of all keys.
    ///
    /// # Errors
    ///
    /// [`Conflict`](AccessStoreErrorKind::Conflict): another process was faster, or there is a key of that name. [`Full`](AccessStoreErrorKind::Full): there are
    /// [`MAX_KEYS`] already. Otherwise as for [`keys_since`](Self::keys_since).
    fn put_key<'a>(&'a self, key: &'a StoredKey) -> BoxFuture<'a, Result<u64, AccessStoreError>>;

    /// Takes from several counters at once: from all of them, or from none. Over all processes, what is taken from a counter in a window and not given
    /// back never exceeds the limit of the last take that succeeded. Takes of one counter and window are added up before they are compared.
    ///
    /// What was taken survives the end of any process that takes, at any time. A crash of a database server, or a power failure of its machine, may lose
    /// takes of the last second.
    ///
    /// # Errors
    ///
    /// [`Malformed`](AccessStoreErrorKind::Malformed): more than [`MAX_COUNTERS`], or a name longer than [`MAX_COUNTER_BYTES`] or with a NUL. Otherwise as for
    /// [`keys_since`](Self::keys_since): nothing is known to be taken then.
    fn take<'a>(&'a self, takes: &'a [CounterTake]) -> BoxFuture<'a, Result<Taken, AccessStoreError>>;

    /// Gives back what was taken and not used. A counter never falls below 0, and a window that is pruned stays so.
    ///
    /// # Errors
    ///
    /// As for [`take`](Self::take).
    fn give_back<'a>(&'a self, amounts: &'a [CounterAmount]) -> BoxFuture<'a, Result<(), AccessStoreError>>;

    /// What is taken from each of these counters, in their order. 0 for one that nothing was taken from, or that is pruned.
    ///
    /// # Errors
    ///
    /// As for [`take`](Self::take).
    fn read<'a>(&'a self, windows: &'a [CounterWindow]) -> BoxFuture<'a, Result<Vec<u64>, AccessStoreError>>;

    /// The names that begin with this of counters in a window from which something is taken, in the order of their bytes: the first
    /// [`MAX_NAMES`] of those after `after`. It is the last name of the page before, or empty.
    ///
    /// # Errors
    ///
    /// [`Malformed`](AccessStoreErrorKind::Malformed): a name cannot begin so. Otherwise as for [`keys_since`](Self::keys_since).
    fn names<'a>(
        &'a self,
        prefix: &'a str,
        window_start_ms: u64,
        after: &'a str,
    ) -> BoxFuture<'a, Result<Vec<String>, AccessStoreError>>;

    /// Removes some counters whose windows, and keys whose use, ended before this time, in milliseconds since the epoch. Returns whether there may be more.
    ///
    /// # Errors
    ///
    /// As for [`keys_since`](Self::keys_since).
    fn prune(&self, ended: Ended) -> BoxFuture<'_, Result<bool, AccessStoreError>>;
}

/// A counter in a window of time: a budget of one principal or group, for what it counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CounterWindow {
    /// What is counted and for whom, as the caller names it: at most [`MAX_COUNTER_BYTES`], without NUL.
    pub counter: String,
    /// When the window begins, in milliseconds since the epoch.
    pub window_start_ms: u64,
}

/// What is taken from a counter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CounterTake {
    /// What is counted and for whom, as the caller names it: at most [`MAX_COUNTER_BYTES`], without NUL.
    pub counter: String,
    /// When the window begins, in milliseconds since the epoch.
    pub window_start_ms: u64,
    /// When the window ends, in milliseconds since the epoch: what is older may be [pruned](AccessStore::prune).
    pub window_end_ms: u64,
    /// How much, in the caller's unit. Counted up to `i64::MAX`.
    pub amount: u64,
    /// The most that the counter may have reached afterwards. [`u64::MAX`]: whatever it reaches.
    pub limit: u64,
}

/// What is given back to a counter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CounterAmount {
    /// The counter's name, as it was taken from.
    pub counter: String,
    /// When the window begins, in milliseconds since the epoch.
    pub window_start_ms: u64,
    /// How much.
    pub amount: u64,
}

/// Whether several counters were taken from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Taken {
    /// All of them. What each counter has reached, in the order of the takes.
    All(Vec<u64>),
    /// None of them, because one would have been crossed.
    Crossed {
        /// The first take that would have crossed its limit.
        index: usize,
        /// What is left of its limit.
        left: u64,
    },
}

/// What may be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// Counters whose window ended before this time, in milliseconds since the epoch.
    pub windows_before_ms: u64,
    /// Keys that were revoked or expired before this time, in milliseconds since the epoch.
    pub keys_before_ms: u64,
}
