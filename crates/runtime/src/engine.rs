//! The engine: one per process.

use std::sync::Arc;

use exuvia_host::{GuestPre, Sandbox, SandboxView, add_to_linker};
use exuvia_tool::{CONCURRENT_RUNS, ToolHost};
use tokio::sync::Semaphore;
use wasmtime::component::Linker;
use wasmtime::error::Context as _;

use crate::budget::Budget;
use crate::engine_error::EngineError;
use crate::guest::{Guest, GuestSource};
use crate::memory::MemoryLimit;
use crate::settings::{self, HOST_STACK_BYTES};
use crate::slots::{self, Slots};
use crate::{Limits, Run, Script};

/// The settings of an engine.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// Runs at the same time. Further ones wait. Default [`CONCURRENT_RUNS`]. Each takes memory only while it runs, and reserves
    /// [address space](Self::address_space_bytes): on Linux when there first are so many runs, elsewhere from the start.
    pub concurrent_runs: u32,
    /// How deep runs may be below each other, where the calls of one are answered by another ([`RunTree`](crate::RunTree)). Default 0: not at
    /// all. For each level as much address space is reserved again as [`concurrent_runs`](Self::concurrent_runs) reserves.
    pub nested_levels: u32,
    /// How deep the stack of a guest may get, in bytes. Default 32 MiB: with less, deep recursion in C code of the
    /// interpreter ends the run where it could have raised a RecursionError. Only touched pages cost memory.
    pub stack_bytes: usize,
    /// The most memory that any run may be given, in bytes. Default 4 GiB, which is all that the guest can address.
    pub memory_bytes_max: u64,
    /// The memory of all runs together, in bytes: of their guests, and `stack_bytes` for each. Default 5 GiB, which 16 runs do
    /// not reach at their default limits.
    ///
    /// What would go over it waits: runs begin later, and one that grows goes on when another is over; meanwhile its `wall_ms`
    /// stands still. A run whose own limit is larger has [this](Self::run_memory_bytes) for its limit. Not in it are what the host holds
    /// for runs (buffered answers, logs, results), and what is kept ready for the next ones: 8 MiB for each, an eighth of this together.
    pub runs_memory_bytes: u64,
    /// How many [instances](crate::Instance) may rest between two scripts of a session, beside those that run. Default 0. What they hold
    /// counts for `runs_memory_bytes`.
    pub resting_instances: u32,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            concurrent_runs: CONCURRENT_RUNS,
            nested_levels: 0,
            stack_bytes: 32 << 20,
            memory_bytes_max: 4 << 30,
            runs_memory_bytes: 5 << 30,
            resting_instances: 0,
        }
    }
}

impl EngineConfig {
    /// The most memory that one run can have, in bytes: what all runs together may hold, less its stack.
    #[must_use]
    pub fn run_memory_bytes(&self) -> u64 {
        self.memory_bytes_max.min(self.runs_memory_bytes.saturating_sub(self.run_stack_bytes()))
    }

    /// How many runs with this limit have room at the same time, each with all that it may come to hold. At least one.
    #[must_use]
    pub fn runs_at_limit(&self, memory_bytes: u64) -> u32 {
        let one = memory_bytes.min(self.run_memory_bytes()).saturating_add(self.run_stack_bytes());
        let runs = u32::try_from(self.runs_memory_bytes / one.max(1)).unwrap_or(u32::MAX);
        runs.clamp(1, self.concurrent_runs.max(1))
    }

    /// The address space that the engine may reserve for its runs, in bytes: not memory, but what `ulimit -v` bounds. All that a
    /// 32-bit guest can address is reserved for each, so that its code needs no checks of bounds.
    #[must_use]
    pub fn address_space_bytes(&self) -> u64 {
        u64::from(self.instances()).saturating_mul(slots::space_bytes(self.run_stack_bytes()))
    }

    /// How many instances there may be at a time, on all levels together.
    pub(crate) fn instances(&self) -> u32 {
        let runs = self.concurrent_runs.saturating_mul(self.nested_levels.saturating_add(1));
        runs.saturating_add(self.resting_instances)
    }

    /// What the stack of one run may take, in bytes.
    #[must_use]
    pub fn run_stack_bytes(&self) -> u64 {
        (self.stack_bytes + HOST_STACK_BYTES) as u64
    }
}

/// The compiled guest and the slots that its instances run in. Clones share it.
#[derive(Clone)]
pub struct Engine {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) engine: wasmtime::Engine,
    pub(crate) guest: GuestPre<StoreState>,
    pub(crate) turns: Arc<Semaphore>,
    /// Of runs below others, by their level. A run waits only for those on its own, which wait only for those below.
    pub(crate) nested_turns: Vec<Arc<Semaphore>>,
    pub(crate) budget: Arc<Budget>,
    pub(crate) config: EngineConfig,
    pub(crate) slots: Arc<Slots>,
    guest_sha256: String,
}

/// What the runs of engines that are beside each other share.
struct Shared {
    turns: Arc<Semaphore>,
    budget: Arc<Budget>,
}

impl Shared {
    fn new(config: &EngineConfig) -> Self {
        let turns = Arc::new(Semaphore::new(config.concurrent_runs as usize));
        Self { turns, budget: Budget::new(config.runs_memory_bytes) }
    }
}

/// What a store holds.
pub(crate) struct StoreState {
    pub(crate) sandbox: Sandbox,
    pub(crate) memory: MemoryLimit,
}

impl SandboxView for StoreState {
    fn sandbox(&mut self) -> &mut Sandbox {
        &mut self.sandbox
    }
}

impl Engine {
    /// Maps the compiled guest, and makes sure that there is address space for its instances.
    ///
    /// # Errors
    ///
    /// The processor lacks an instruction set of the artifact's baseline, or the address space cannot be reserved.
    #[cfg(feature = "embedded-guest")]
    pub fn new(config: &EngineConfig) -> Result<Self, EngineError> {
        let shared = Shared::new(config);
        Inner::new(config, shared, GuestSource::Embedded)
            .map(|inner| Self { inner: Arc::new(inner) })
            .map_err(EngineError)
    }

    /// An engine with another guest than the program's own, or of a program that has none.
    ///
    /// # Errors
    ///
    /// The processor lacks an instruction set of the baseline, or the address space cannot be reserved. The guest was made for another version of the interface `exuvia:sandbox` than this program has.
    pub fn with_guest(config: &EngineConfig, guest: Guest) -> Result<Self, EngineError> {
        Self::compiled(config, Shared::new(config), guest)
    }

    /// An engine with another guest beside this one: the runs of both together are as many at a time, and hold as much memory, as those of
    /// this one alone may. The compiled guest is not counted in that.
    ///
    /// # Errors
    ///
    /// As [`with_guest`](Self::with_guest).
    pub fn beside(&self, guest: Guest) -> Result<Self, EngineError> {
        let Inner { turns, budget, config, .. } = &*self.inner;
        Self::compiled(config, Shared { turns: Arc::clone(turns), budget: Arc::clone(budget) }, guest)
    }

    fn compiled(config: &EngineConfig, shared: Shared, guest: Guest) -> Result<Self, EngineError> {
        let context = format!("guest {}", guest.sha256());
        let inner = Inner::new(config, shared, GuestSource::Compiled(guest)).context(context);
        inner.map(|inner| Self { inner: Arc::new(inner) }).map_err(EngineError)
    }

    /// How many runs execute at the same time.
    #[must_use]
    pub fn concurrent_runs(&self) -> u32 {
        self.inner.config.concurrent_runs
    }

    /// How deep runs may be below each other.
    #[must_use]
    pub fn nested_levels(&self) -> u32 {
        self.inner.config.nested_levels
    }

    /// How many runs with this limit on memory have [room at the same time](EngineConfig::runs_at_limit).
    #[must_use]
    pub fn runs_at_limit(&self, memory_bytes: u64) -> u32 {
        self.inner.config.runs_at_limit(memory_bytes)
    }

    /// How many [instances](crate::Instance) may rest.
    #[must_use]
    pub fn resting_instances(&self) -> u32 {
        self.inner.config.resting_instances
    }

    /// What runs hold of [`EngineConfig::runs_memory_bytes`], in bytes, until their memory is clean again.
    #[must_use]
    pub fn held_memory_bytes(&self) -> u64 {
        self.inner.budget.held()
    }

    /// Whether the page faults of guests were counted right, as far as that was checked. If not, a run may have found what an earlier one left, and
    /// every memory is scanned from then on. Where none are counted, they are right.
    #[must_use]
    pub fn counts_faults_right(&self) -> bool {
        self.inner.slots.counts_faults_right()
    }

    /// Waits until no run executes and nothing of one is left to be cleaned: a report comes before that. Runs that are to begin
    /// meanwhile wait as well.
    pub async fn idle(&self) {
        // The semaphore is never closed.
        let _all = self.inner.turns.acquire_many(self.inner.config.concurrent_runs).await;
    }

    /// Whether there is another clone: a run, or somebody who may begin one.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        Arc::strong_count(&self.inner) > 1
    }

    /// Prepares one execution of `script`. Nothing happens before [`Run::execute`].
    pub fn run(&self, script: Script, limits: Limits, tools: Arc<dyn ToolHost>) -> Run {
        Run::new(self.clone(), script, self.effective(limits), tools)
    }

    /// Has `relieve` called where a run waits for memory while instances rest: it drops one, or says that there is none. It must not block.
    pub fn set_relief(&self, relieve: impl Fn() -> bool + Send + Sync + 'static) {
        self.inner.budget.set_relief(Box::new(relieve));
    }

    /// The limits that a run with these has: what nobody can have is no limit, and the effective one is reported to the script.
    #[must_use]
    pub fn effective(&self, mut limits: Limits) -> Limits {
        limits.memory_bytes = limits.memory_bytes.min(self.inner.config.run_memory_bytes());
        limits
    }

    /// The digest of the guest that runs the scripts.
    #[must_use]
    pub fn guest_sha256(&self) -> &str {
        &self.inner.guest_sha256
    }
}

impl Inner {
    fn new(config: &EngineConfig, shared: Shared, guest: GuestSource) -> wasmtime::Result<Self> {
        let guest_sha256 = guest.sha256().to_owned();
        let room = || {
            format!(
                "{} runs at a time reserve {} GiB of address space, which `ulimit -v` and the like may forbid: fewer runs reserve \
                 less",
                config.instances(),
                config.address_space_bytes() >> 30
            )
        };
        let slots = Slots::of_guest(config, guest).with_context(room)?;
        let mut wasm = settings::wasmtime(config)?;
        slots.configure(&mut wasm);
        let engine = wasmtime::Engine::new(&wasm).with_context(room)?;
        let component = slots.load(&engine)?;
        let mut linker = Linker::new(&engine);
        add_to_linker(&mut linker)?;
        let guest = GuestPre::new(linker.instantiate_pre(&component)?)?;
        let (Shared { turns, budget }, config) = (shared, config.clone());
        let level = |_| Arc::new(Semaphore::new(config.concurrent_runs as usize));
        let nested_turns = (0..config.nested_levels).map(level).collect();
        Ok(Self { engine, guest, turns, nested_turns, budget, config, slots, guest_sha256 })
    }
}
