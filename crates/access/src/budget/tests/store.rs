//! A store of counters in memory, which is slow or fails when told to.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use exuvia_journal::{
    AccessStore, AccessStoreError, AccessStoreErrorKind, CounterAmount, CounterTake, CounterWindow, Ended, KeyChanges,
    StoredKey, Taken,
};
use exuvia_tool::{BoxFuture, locked};
use tokio::sync::Semaphore;

#[derive(Debug)]
pub(crate) struct FakeStore {
    counters: Mutex<BTreeMap<(String, u64), u64>>,
    /// How often it was taken from.
    pub(crate) takes: AtomicUsize,
    pub(crate) is_failing: AtomicBool,
    /// How many takes may complete. Those beyond wait, after they have taken.
    pub(crate) answers: Semaphore,
}

impl Default for FakeStore {
    fn default() -> Self {
        Self {
            counters: Mutex::default(),
            takes: AtomicUsize::new(0),
            is_failing: AtomicBool::new(false),
            answers: Semaphore::new(Semaphore::MAX_PERMITS),
        }
    }
}

impl FakeStore {
    /// What the counters of a quantity and window have reached: those that are not 0.
    pub(crate) fn counted(&self, quantity: &str) -> Vec<u64> {
        let part = format!("/{quantity}/");
        let counters = locked(&self.counters);
        let of_it = counters.iter().filter(|((name, _), reached)| name.contains(&part) && **reached > 0);
        of_it.map(|(_, reached)| *reached).collect()
    }

    pub(crate) fn taken(&self) -> usize {
        self.takes.load(Ordering::Relaxed)
    }

    fn take_all(&self, takes: &[CounterTake]) -> Taken {
        let mut counters = locked(&self.counters);
        let reached = |counters: &BTreeMap<(String, u64), u64>, take: &CounterTake| {
            counters.get(&(take.counter.clone(), take.window_start_ms)).copied().unwrap_or_default()
        };
        for (index, take) in takes.iter().enumerate() {
            let left = take.limit.saturating_sub(reached(&counters, take));
            if left < take.amount {
                return Taken::Crossed { index, left };
            }
        }
        Taken::All(
            takes
                .iter()
                .map(|take| {
                    let sum = reached(&counters, take) + take.amount;
                    counters.insert((take.counter.clone(), take.window_start_ms), sum);
                    sum
                })
                .collect(),
        )
    }

    fn fails(&self) -> Result<(), AccessStoreError> {
        match self.is_failing.load(Ordering::Relaxed) {
            true => Err(AccessStoreError::new(AccessStoreErrorKind::Unavailable)),
            false => Ok(()),
        }
    }
}

impl AccessStore for FakeStore {
    fn take<'a>(&'a self, takes: &'a [CounterTake]) -> BoxFuture<'a, Result<Taken, AccessStoreError>> {
        Box::pin(async move {
            self.takes.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            self.fails()?;
            let taken = self.take_all(takes);
            drop(self.answers.acquire().await);
            Ok(taken)
        })
    }

    fn give_back<'a>(&'a self, amounts: &'a [CounterAmount]) -> BoxFuture<'a, Result<(), AccessStoreError>> {
        Box::pin(async move {
            self.fails()?;
            let mut counters = locked(&self.counters);
            for CounterAmount { counter, window_start_ms, amount } in amounts {
                let reached = counters.get_mut(&(counter.clone(), *window_start_ms)).expect("it was taken from");
                *reached = reached.checked_sub(*amount).expect("no more than was taken");
            }
            Ok(())
        })
    }

    fn read<'a>(&'a self, _: &'a [CounterWindow]) -> BoxFuture<'a, Result<Vec<u64>, AccessStoreError>> {
        unreachable!("budgets ask for counters alone")
    }

    fn keys_since(&self, _: u64) -> BoxFuture<'_, Result<KeyChanges, AccessStoreError>> {
        unreachable!("budgets ask for counters alone")
    }

    fn key<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<StoredKey>, AccessStoreError>> {
        unreachable!("budgets ask for counters alone")
    }

    fn put_key<'a>(&'a self, _: &'a StoredKey) -> BoxFuture<'a, Result<u64, AccessStoreError>> {
        unreachable!("budgets ask for counters alone")
    }

    fn names<'a>(&'a self, _: &'a str, _: u64, _: &'a str) -> BoxFuture<'a, Result<Vec<String>, AccessStoreError>> {
        unreachable!("budgets ask for counters alone")
    }

    fn prune(&self, _: Ended) -> BoxFuture<'_, Result<bool, AccessStoreError>> {
        unreachable!("budgets ask for counters alone")
    }
}
