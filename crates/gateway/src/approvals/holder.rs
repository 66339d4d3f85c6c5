//! The runs that this process has, among all processes that share a store of approvals.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use exuvia_journal::{ApprovalError, ApprovalStore, HoldEnd};
use exuvia_tool::{RunId, locked};
use tokio_util::sync::CancellationToken;

use super::Approvals;
use crate::ids::now_ms;

/// The leases of this process.
pub(crate) struct Leases {
    holder: String,
    lease: Duration,
    held: Mutex<HashMap<RunId, Arc<State>>>,
    /// Runs that are asking for something, so many times at once: their leases are being written.
    asking: Mutex<HashMap<RunId, usize>>,
}

/// A run that is asking for something, until this is dropped.
pub(crate) struct AskingRun<'a> {
    leases: &'a Leases,
    run: &'a RunId,
}

impl Drop for AskingRun<'_> {
    fn drop(&mut self) {
        let mut asking = locked(&self.leases.asking);
        if let Some(times) = asking.get_mut(self.run) {
            *times -= 1;
            if *times == 0 {
                asking.remove(self.run);
            }
        }
    }
}

/// The lease of one run. Dropping it stops its renewal.
pub(crate) struct Lease {
    approvals: Arc<Approvals>,
    run: RunId,
    state: Arc<State>,
}

struct State {
    until_ms: AtomicU64,
    lost: CancellationToken,
    /// Whether the run was given back. Locked while that, or the lease, is written.
    is_over: tokio::sync::Mutex<bool>,
}

impl Leases {
    pub(crate) fn new(holder: String, lease: Duration) -> Self {
        Self { holder, lease, held: Mutex::default(), asking: Mutex::default() }
    }

    /// The name of this process.
    pub(crate) fn holder(&self) -> &str {
        &self.holder
    }

    /// A lease from now on.
    pub(crate) fn next(&self, now_ms: u64) -> exuvia_journal::Lease {
        let until_ms = now_ms.saturating_add(u64::try_from(self.lease.as_millis()).unwrap_or(u64::MAX));
        exuvia_journal::Lease { holder: self.holder.clone(), until_ms }
    }

    /// How often leases are renewed.
    pub(crate) fn renewal(&self) -> Duration {
        self.lease / 3
    }

    /// Whether this process has no run.
    pub(crate) fn is_empty(&self) -> bool {
        locked(&self.held).is_empty()
    }

    /// Whether this process has the run, or is about to.
    pub(crate) fn has(&self, run: &RunId) -> bool {
        locked(&self.held).contains_key(run) || locked(&self.asking).contains_key(run)
    }

    /// The run is asking for something: nobody here brings it back, even if the lease that is being written is over before it is begun.
    pub(crate) fn asks<'a>(&'a self, run: &'a RunId) -> AskingRun<'a> {
        *locked(&self.asking).entry(run.clone()).or_default() += 1;
        AskingRun { leases: self, run }
    }

    /// Renews all leases. A run that another process has is given up here.
    pub(crate) async fn renew(&self, store: &dyn ApprovalStore) {
        let held: Vec<_> = locked(&self.held).iter().map(|(run, state)| (run.clone(), Arc::clone(state))).collect();
        for (run, state) in held {
            if let Err(error) = self.renew_one(store, &run, &state).await {
                tracing::warn!(run.id = %run, error = format!("{error:#}"), "lease of a run not renewed");
            }
        }
    }

    /// Whether the run is this process's now.
    async fn renew_one(&self, store: &dyn ApprovalStore, run: &RunId, state: &State) -> Result<bool, ApprovalError> {
        let is_over = state.is_over.lock().await;
        if *is_over {
            return Ok(false);
        }
        let now = now_ms();
        let lease = self.next(now);
        let is_own = store.claim(run, &lease, now).await?;
        match is_own {
            true => state.until_ms.store(lease.until_ms, Ordering::SeqCst),
            false => state.lost.cancel(),
        }
        Ok(is_own)
    }
}

impl Lease {
    /// The lease of a run that this process has just held or claimed. `lost` is cancelled when another process has the run.
    pub(crate) fn begin(approvals: &Arc<Approvals>, run: &RunId, until_ms: u64, lost: CancellationToken) -> Self {
        let (until_ms, is_over) = (AtomicU64::new(until_ms), tokio::sync::Mutex::new(false));
        let state = Arc::new(State { until_ms, lost, is_over });
        locked(&approvals.leases.held).insert(run.clone(), Arc::clone(&state));
        Self { approvals: Arc::clone(approvals), run: run.clone(), state }
    }

    /// The same, of a run that is about to be claimed. None: this process has it already, or is about to.
    pub(crate) fn reserve(
        approvals: &Arc<Approvals>,
        run: &RunId,
        until_ms: u64,
        lost: CancellationToken,
    ) -> Option<Self> {
        let (until_ms, is_over) = (AtomicU64::new(until_ms), tokio::sync::Mutex::new(false));
        let state = Arc::new(State { until_ms, lost, is_over });
        if locked(&approvals.leases.asking).contains_key(run) {
            return None;
        }
        match locked(&approvals.leases.held).entry(run.clone()) {
            Entry::Occupied(_) => return None,
            Entry::Vacant(place) => place.insert(Arc::clone(&state)),
        };
        Some(Self { approvals: Arc::clone(approvals), run: run.clone(), state })
    }

    /// It was asked for again.
    pub(crate) fn renewed(&self, until_ms: u64) {
        self.state.until_ms.fetch_max(until_ms, Ordering::SeqCst);
    }

    /// Whether the run is still this process's: no other one makes its calls. A lease that is over because this process stood still, or its
    /// store did, is renewed first: most likely nobody has taken the run.
    ///
    /// # Errors
    ///
    /// The store does not say.
    pub(crate) async fn holds(&self) -> Result<bool, ApprovalError> {
        let state = &self.state;
        match () {
            () if state.lost.is_cancelled() => Ok(false),
            () if now_ms() < state.until_ms.load(Ordering::SeqCst) => Ok(true),
            () => self.approvals.leases.renew_one(self.approvals.store(), &self.run, state).await,
        }
    }

    /// Cancelled when another process has the run.
    pub(crate) fn lost(&self) -> CancellationToken {
        self.state.lost.clone()
    }

    /// Gives the run back.
    pub(crate) async fn end(&self, end: &HoldEnd) -> Result<bool, ApprovalError> {
        let mut is_over = self.state.is_over.lock().await;
        *is_over = true;
        let (store, holder) = (self.approvals.store(), self.approvals.leases.holder());
        store.release(&self.run, holder, end, now_ms()).await
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        locked(&self.approvals.leases.held).remove(&self.run);
    }
}

#[cfg(test)]
mod tests {
    use exuvia_journal::{MemoryApprovals, MemoryJournal};

    use super::*;
    use crate::approvals::ApprovalConfig;
    use crate::ids::Ids;
    use crate::metrics::Metrics;

    #[test]
    fn a_run_is_reserved_by_one_until_that_gives_it_up() {
        let store = MemoryApprovals::new(Arc::new(MemoryJournal::new(1 << 20, now_ms)));
        let ids = Ids::new().expect("randomness");
        let approvals = Approvals::new(ApprovalConfig::of(store), ids, Arc::new(Metrics::new(Default::default())));
        let reserve = |run: &str| Lease::reserve(&approvals, &RunId::new(run), 1, CancellationToken::new());
        let first = reserve("a").expect("nobody has it");
        assert!(reserve("a").is_none() && reserve("b").is_some());
        drop(first);
        assert!(reserve("a").is_some());
        let run = RunId::new("a");
        let asking = [approvals.leases.asks(&run), approvals.leases.asks(&run)];
        assert!(approvals.leases.has(&run) && reserve("a").is_none());
        drop(asking);
        assert!(!approvals.leases.has(&run) && reserve("a").is_some());
    }
}
