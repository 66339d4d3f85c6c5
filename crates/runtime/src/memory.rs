//! The limit on a guest's memory.

use wasmtime::{ResourceLimiter, Result};

/// The most elements that one table of the guest may have. CPython's table of functions has 10,000 and never grows.
const TABLE_ELEMENTS: usize = 100_000;

/// Counts the linear memory of one guest.
pub(crate) struct MemoryLimit {
    limit_bytes: u64,
    current_bytes: u64,
    peak_bytes: u64,
    refused: bool,
}

impl MemoryLimit {
    pub(crate) fn new(limit_bytes: u64) -> Self {
        Self { limit_bytes, current_bytes: 0, peak_bytes: 0, refused: false }
    }

    pub(crate) fn peak_bytes(&self) -> u64 {
        self.peak_bytes
    }

    /// Whether the guest ever asked for more than its limit. An interpreter that aborts after that ran out of memory.
    pub(crate) fn refused(&self) -> bool {
        self.refused
    }
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> Result<bool> {
        let grown = self.current_bytes + (desired - current) as u64;
        if grown > self.limit_bytes {
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

    fn table_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> Result<bool> {
        Ok(desired <= TABLE_ELEMENTS)
    }
}
