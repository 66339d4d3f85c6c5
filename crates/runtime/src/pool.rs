//! Memory and stacks of guests where this crate does not keep them itself: wasmtime's pool.

use std::io;
use std::sync::Arc;

use wasmtime::component::Component;
use wasmtime::{Enabled, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::EngineConfig;
#[cfg(feature = "embedded-guest")]
use crate::artifact;
use crate::guest::GuestSource;

/// What a guest can address, in bytes: all of it is reserved for each, so that its code needs no checks of bounds.
const ADDRESSABLE_BYTES: u64 = 4 << 30;

/// What lies between two guests, in bytes: wasmtime's default.
const GUARD_BYTES: u64 = 32 << 20;

/// What one instance of the guest takes from the pool. The artifact's own counts, with room for the next CPython; an
/// instance that does not fit is refused when the engine starts, not in the middle of a run.
mod per_run {
    pub(super) const CORE_INSTANCES: u32 = 40;
    pub(super) const MEMORIES: u32 = 1;
    pub(super) const TABLES: u32 = 4;
    pub(super) const TABLE_ELEMENTS: usize = 40_000;
    pub(super) const COMPONENT_BYTES: usize = 1 << 20;
    pub(super) const CORE_INSTANCE_BYTES: usize = 1 << 20;
    /// What stays in memory between runs, overwritten: the whole table and what every run writes of its stack.
    pub(super) const RESIDENT_TABLE_BYTES: usize = 256 << 10;
    pub(super) const RESIDENT_STACK_BYTES: usize = 64 << 10;
}

/// The slots of one engine.
pub(crate) struct Slots {
    runs: u32,
    memory_bytes_max: u64,
    guest: GuestSource,
}

/// The address space of one run with a stack of this size, in bytes.
pub(crate) const fn space_bytes(stack_bytes: u64) -> u64 {
    let tables = per_run::TABLES as u64 * (per_run::TABLE_ELEMENTS * size_of::<usize>()) as u64;
    per_run::MEMORIES as u64 * (ADDRESSABLE_BYTES + GUARD_BYTES) + tables + stack_bytes
}

/// Nothing is counted: wasmtime cleans.
pub(crate) async fn counting_faults<T>(guest: impl Future<Output = T>) -> T {
    guest.await
}

impl Slots {
    /// Slots for exactly the runs that may execute at a time: wasmtime's defaults end at about 70 runs of this guest.
    pub(crate) fn of_guest(config: &EngineConfig, guest: GuestSource) -> io::Result<Arc<Self>> {
        Ok(Arc::new(Self { runs: config.instances(), memory_bytes_max: config.memory_bytes_max, guest }))
    }

    /// Has wasmtime take memories and stacks from here.
    pub(crate) fn configure(&self, config: &mut wasmtime::Config) {
        let runs = self.runs;
        let mut pool = PoolingAllocationConfig::new();
        pool.total_component_instances(runs)
            .total_core_instances(runs.saturating_mul(per_run::CORE_INSTANCES))
            .total_memories(runs.saturating_mul(per_run::MEMORIES))
            .total_tables(runs.saturating_mul(per_run::TABLES))
            .total_stacks(runs)
            .max_core_instances_per_component(per_run::CORE_INSTANCES)
            .max_memories_per_component(per_run::MEMORIES)
            .max_tables_per_component(per_run::TABLES)
            .max_component_instance_size(per_run::COMPONENT_BYTES)
            .max_core_instance_size(per_run::CORE_INSTANCE_BYTES)
            .table_elements(per_run::TABLE_ELEMENTS)
            .max_memory_size(usize::try_from(self.memory_bytes_max).unwrap_or(usize::MAX))
            // What a run wrote is given back to the kernel whole; what stays resident is overwritten.
            .pagemap_scan(Enabled::No)
            .linear_memory_keep_resident(0)
            .table_keep_resident(per_run::RESIDENT_TABLE_BYTES)
            .async_stack_keep_resident(per_run::RESIDENT_STACK_BYTES);
        // A stack that went deep once would keep its pages for good, and the next guest on it could read them.
        config.async_stack_zeroing(true);
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    }

    /// Loads the guest.
    #[expect(unsafe_code, reason = "compiled code is loaded, see SAFETY")]
    pub(crate) fn load(&self, engine: &wasmtime::Engine) -> wasmtime::Result<Component> {
        let code = match &self.guest {
            #[cfg(feature = "embedded-guest")]
            GuestSource::Embedded => artifact::CODE,
            GuestSource::Compiled(guest) => &guest.code,
        };
        // SAFETY: the bytes were made with `precompile_component` by this crate.
        unsafe { Component::deserialize(engine, code) }
    }

    /// Nothing is counted.
    pub(crate) fn counts_faults_right(&self) -> bool {
        true
    }

    /// Nothing: wasmtime cleans when a store is dropped.
    pub(crate) fn clean(&self) {}

    /// Nothing: the pool keeps little.
    pub(crate) async fn rest_when_idle(self: Arc<Self>) {}
}
