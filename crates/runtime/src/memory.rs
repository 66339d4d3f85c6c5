//! The limit on a guest's memory, and its share of the budget of all runs.

use std::sync::Arc;

use wasmtime::{ResourceLimiterAsync, Result};

use crate::budget::{Budget, Claimed, Share, Waits};

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
    share: Share,
}

impl MemoryLimit {
    /// Waits until there is room for one more run with this limit and a stack of this size.
    pub(crate) async fn admitted(budget: &Arc<Budget>, limit_bytes: u64, stack_bytes: u64) -> Self {
        let first = stack_bytes.saturating_add(limit_bytes.min(FIRST_BYTES));
        let share = budget.admit(first, stack_bytes.saturating_add(limit_bytes)).await;
        Self { limit_bytes, current_bytes: 0, peak_bytes: 0, refused: false, stack_bytes, share }
    }

    /// The guest rests between two scripts: it has no stack, and grows no more.
    pub(crate) fn rest(&mut self) {
        self.share.rest(self.current_bytes);
    }

    /// The guest runs a further script, with this limit on all of its memory. False: there is no room.
    pub(crate) fn wake(&mut self, limit_bytes: u64) -> bool {
        let most = limit_bytes.max(self.current_bytes);
        let is_awake = self.share.wake(self.stack_bytes + self.current_bytes, self.stack_bytes.saturating_add(most));
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
        self.share.waits()
    }

    /// What counts as held by the guest until its memory is clean again.
    pub(crate) fn claimed(&self) -> Arc<Claimed> {
        self.share.claimed()
    }

    pub(crate) fn peak_bytes(&self) -> u64 {
        self.peak_bytes
    }

    /// Whether the guest ever asked for more than its limit. An interpreter that aborts after that ran out of memory.
    pub(crate) fn refused(&self) -> bool {
        self.refused
    }
}

#[async_trait::async_trait]
impl ResourceLimiterAsync for MemoryLimit {
    async fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> Result<bool> {
        let grown = self.current_bytes + (desired - current) as u64;
        if grown > self.limit_bytes || !self.share.hold(self.stack_bytes + grown).await {
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
