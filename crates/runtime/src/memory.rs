//! The limit on a guest's memory, and its share of the budget of all runs.

use std::sync::Arc;

use wasmtime::{ResourceLimiterAsync, Result};

use crate::budget::{Budget, Claimed, Share, Waits};
use crate::tree::{RunTree, TreeMemory};

/// Memory that a run holds from its start, in bytes: the interpreter's own, and some for the script. Most scripts never ask for
/// more, and so never wait for any.
const FIRST_BYTES: u64 = 48 << 20;

/// The most elements that one table of the guest may have. CPython's table of functions has 10,000 and never grows.
const TABLE_ELEMENTS: usize = 100_000;

/// Counts the linear memory of one guest.
pub(crate) struct MemoryLimit {
    limit_bytes: u64,
    current_bytes: u64,
    peak_bytes: u64,
    refused: bool,
    stack_bytes: u64,
    held: Held,
}

/// What is held on behalf of a guest.
enum Held {
    Own(Share),
    /// A part of what the runs of a tree hold.
    Part {
        memory: Arc<TreeMemory>,
        own: u64,
        stack_bytes: u64,
    },
}

impl MemoryLimit {
    /// Waits until there is room for one more run with this limit and a stack of this size.
    pub(crate) async fn admitted(budget: &Arc<Budget>, limit_bytes: u64, stack_bytes: u64) -> Self {
        let first = stack_bytes.saturating_add(limit_bytes.min(FIRST_BYTES));
        let share = budget.admit(first, stack_bytes.saturating_add(limit_bytes)).await;
        Self::of(limit_bytes, stack_bytes, Held::Own(share))
    }

    /// The same for the first run of a tree, with stacks for so many runs below it.
    pub(crate) async fn first_of(
        tree: &RunTree,
        budget: &Arc<Budget>,
        limit_bytes: u64,
        (stack_bytes, below): (u64, u64),
    ) -> Self {
        let first = stack_bytes.saturating_add(limit_bytes.min(FIRST_BYTES));
        let stacks = stack_bytes.saturating_mul(below.saturating_add(1));
        let share = budget.admit(first, stacks.saturating_add(limit_bytes)).await;
        Self::of(limit_bytes, stack_bytes, Held::part(tree.begin(share, limit_bytes, stack_bytes), stack_bytes))
    }

    /// The same for a run below another one, out of what the first one may hold. None: nothing of that is left.
    pub(crate) async fn below(tree: &RunTree, limit_bytes: u64, stack_bytes: u64) -> Option<Self> {
        let memory = tree.memory()?;
        if !memory.hold_stack(stack_bytes).await {
            return None;
        }
        Some(Self::of(limit_bytes, stack_bytes, Held::part(memory, stack_bytes)))
    }

    fn of(limit_bytes: u64, stack_bytes: u64, held: Held) -> Self {
        Self { limit_bytes, current_bytes: 0, peak_bytes: 0, refused: false, stack_bytes, held }
    }

    /// The guest rests between two scripts: it has no stack, and grows no more.
    pub(crate) fn rest(&mut self) {
        // Scripts of sessions are in no tree.
        if let Held::Own(share) = &mut self.held {
            share.rest(self.current_bytes);
        }
    }

    /// The guest runs a further script, with this limit on all of its memory. False: there is no room.
    pub(crate) fn wake(&mut self, limit_bytes: u64) -> bool {
        let most = limit_bytes.max(self.current_bytes);
        let Held::Own(share) = &mut self.held else { return false };
        let is_awake = share.wake(self.stack_bytes + self.current_bytes, self.stack_bytes.saturating_add(most));
        if is_awake {
            (self.limit_bytes, self.peak_bytes, self.refused) = (limit_bytes, self.current_bytes, false);
        }
        is_awake
    }

    /// What the memory of the guest has grown to, in bytes.
    pub(crate) fn current_bytes(&self) -> u64 {
        self.current_bytes
    }

    /// How long the guest waits for memory that other runs hold.
    pub(crate) fn waits(&self) -> Arc<Waits> {
        match &self.held {
            Held::Own(share) => share.waits(),
            Held::Part { memory, .. } => memory.waits(),
        }
    }

    /// What counts as held by the guest until its memory is clean again.
    pub(crate) fn claimed(&self) -> Arc<Claimed> {
        match &self.held {
            Held::Own(share) => share.claimed(),
            Held::Part { memory, .. } => memory.claimed(),
        }
    }

    pub(crate) fn peak_bytes(&self) -> u64 {
        self.peak_bytes
    }

    /// Whether the guest ever asked for more than its limit. An interpreter that aborts after that ran out of memory.
    pub(crate) fn refused(&self) -> bool {
        self.refused
    }
}

impl Held {
    fn part(memory: Arc<TreeMemory>, stack_bytes: u64) -> Self {
        Self::Part { memory, own: 0, stack_bytes }
    }

    /// Waits until the guest may have a memory of so many bytes.
    async fn hold(&mut self, bytes: u64, stack_bytes: u64) -> bool {
        match self {
            Self::Own(share) => share.hold(stack_bytes + bytes).await,
            Self::Part { own, .. } if bytes <= *own => true,
            Self::Part { memory, own, .. } => {
                let is_held = memory.hold(*own, bytes).await;
                if is_held {
                    *own = bytes;
                }
                is_held
            }
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Self::Part { memory, own, stack_bytes } = self {
            memory.give_back(*own, *stack_bytes);
        }
    }
}

#[async_trait::async_trait]
impl ResourceLimiterAsync for MemoryLimit {
    async fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> Result<bool> {
        let grown = self.current_bytes + (desired - current) as u64;
        if grown > self.limit_bytes || !self.held.hold(grown, self.stack_bytes).await {
            self.refused = true;
            return Ok(false);
        }
        self.current_bytes = grown;
        self.peak_bytes = self.peak_bytes.max(grown);
        Ok(true)
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> Result<()> {
        self.refused = true;
        Ok(())
    }

    async fn table_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> Result<bool> {
        Ok(desired <= TABLE_ELEMENTS)
    }
}
