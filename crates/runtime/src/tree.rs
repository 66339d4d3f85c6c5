//! What a run and the runs below it share: the bounds of one.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use exuvia_host::SharedFuel;
use tokio::sync::Mutex;

use crate::budget::{Claimed, Share, Waits};

/// A run and the runs that answer its calls, and so on: together they have the fuel and the memory of the first one. Clones are the same.
///
/// A run that is below another one waits for no turn of runs that are not, and its memory is part of what the first one may come to hold: so
/// runs never wait in a circle. How deep they may be below each other is
/// [`EngineConfig::nested_levels`](crate::EngineConfig::nested_levels).
#[derive(Clone)]
pub struct RunTree(Arc<Shared>);

struct Shared {
    fuel: Arc<SharedFuel>,
    /// Once the first run is admitted.
    memory: OnceLock<Arc<TreeMemory>>,
}

impl RunTree {
    /// Runs that use no more than this much fuel together. What their memory is bounded by, the limits of the first one say.
    #[must_use]
    pub fn new(fuel: u64) -> Self {
        Self::after(fuel, 0)
    }

    /// The same, of which runs that are over have used so much: the first one is brought back, and what it uses until it is where it was is not
    /// among that.
    #[must_use]
    pub fn after(fuel: u64, used: u64) -> Self {
        Self(Arc::new(Shared { fuel: Arc::new(SharedFuel::after(fuel, used)), memory: OnceLock::new() }))
    }

    /// The fuel that all of them have used, as of their last slices.
    #[must_use]
    pub fn fuel_used(&self) -> u64 {
        self.0.fuel.used()
    }

    pub(crate) fn fuel(&self) -> Arc<SharedFuel> {
        Arc::clone(&self.0.fuel)
    }

    /// The memory of the first run is that of all.
    pub(crate) fn begin(&self, share: Share, limit_bytes: u64, stack_bytes: u64) -> Arc<TreeMemory> {
        let memory = Arc::new(TreeMemory {
            claimed: share.claimed(),
            waits: share.waits(),
            limit_bytes,
            held: AtomicU64::new(0),
            stacks: AtomicU64::new(stack_bytes),
            share: Mutex::new(share),
        });
        // One tree has one first run.
        let _ = self.0.memory.set(Arc::clone(&memory));
        memory
    }

    /// None: the first run has not begun.
    pub(crate) fn memory(&self) -> Option<Arc<TreeMemory>> {
        self.0.memory.get().cloned()
    }
}

/// The memory of all runs of a tree.
pub(crate) struct TreeMemory {
    share: Mutex<Share>,
    /// What their guests' memories may come to together.
    limit_bytes: u64,
    /// What those are now. What the share holds is the most that they and the stacks were.
    held: AtomicU64,
    /// Their stacks.
    stacks: AtomicU64,
    claimed: Arc<Claimed>,
    waits: Arc<Waits>,
}

impl TreeMemory {
    /// Waits until a run that holds `own` may hold this many bytes. False: that is more than all may hold together.
    pub(crate) async fn hold(&self, own: u64, bytes: u64) -> bool {
        let mut share = self.share.lock().await;
        let more = bytes - own;
        // Others only give back meanwhile.
        let all = self.held.load(Ordering::Relaxed) + more;
        if all > self.limit_bytes || !share.hold(self.stacks.load(Ordering::Relaxed) + all).await {
            return false;
        }
        self.held.fetch_add(more, Ordering::Relaxed);
        true
    }

    /// Waits until one more run may have a stack. False: there are as many as there may be.
    pub(crate) async fn hold_stack(&self, stack_bytes: u64) -> bool {
        let mut share = self.share.lock().await;
        let all = self.stacks.load(Ordering::Relaxed) + self.held.load(Ordering::Relaxed) + stack_bytes;
        if !share.hold(all).await {
            return false;
        }
        self.stacks.fetch_add(stack_bytes, Ordering::Relaxed);
        true
    }

    /// A run that held this much and had such a stack is over.
    pub(crate) fn give_back(&self, own: u64, stack_bytes: u64) {
        self.held.fetch_sub(own, Ordering::Relaxed);
        self.stacks.fetch_sub(stack_bytes, Ordering::Relaxed);
    }

    pub(crate) fn claimed(&self) -> Arc<Claimed> {
        Arc::clone(&self.claimed)
    }

    pub(crate) fn waits(&self) -> Arc<Waits> {
        Arc::clone(&self.waits)
    }
}
