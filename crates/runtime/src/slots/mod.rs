//! Memory and stacks of guests, used by one after the other: on Linux, where this crate keeps them itself.
//!
//! A slot begins as the snapshot, mapped copy-on-write from the program. What its guest wrote is found and put back, so that the next
//! one begins without page faults. A slot has two types, clean and used, and only cleaning makes the one of the other: what cannot be
//! cleaned is unmapped.
//!
//! - `code`: the guest's code; `dirty`: which pages were written; `faults`, `fault_counts`: when that is known without a scan;
//! - `memory`, `stack`: what wasmtime is given, and its cleaning; `rest`: giving back what nobody uses;
//! - here: which are clean, and which are to be cleaned.

mod code;
mod dirty;
mod fault_counts;
mod faults;
mod memory;
mod rest;
mod stack;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use code::Code;
pub use dirty::DirtyPages;
use fault_counts::FaultCounts;
pub use faults::counting_faults;
use memory::{Memories, MemorySlot, UsedMemory};
use stack::{Stack, Stacks, UsedStack};
use wasmtime::component::Component;
use wasmtime::{CustomCodeMemory, InstanceAllocationStrategy};

#[cfg(feature = "embedded-guest")]
use crate::artifact;
use crate::embedded::Embedded;
use crate::guest::GuestSource;
use crate::space::Space;
use crate::{EngineConfig, settings};

/// What a guest can address, in bytes: all of it is reserved for each, so that its code needs no checks of bounds.
const ADDRESSABLE_BYTES: usize = 4 << 30;

/// What lies before and behind a guest's memory, in bytes: wasmtime's default.
const GUARD_BYTES: usize = 32 << 20;

/// The names of copies in memory.
const SNAPSHOT: &str = "exuvia-snapshot";
const CODE: &str = "exuvia-guest";

/// What stays in memory of one slot, in bytes: what ordinary scripts write.
const KEEP_BYTES: usize = 8 << 20;

/// What clean slots may keep together, as a part of what all runs together may hold.
const KEPT_SHARE: u64 = 8;

/// The slots of one engine.
pub struct Slots {
    image: Arc<Embedded>,
    code: Arc<Code>,
    find: DirtyPages,
    counts: FaultCounts,
    /// How many slots there may be.
    most: usize,
    /// What clean slots may keep together, in bytes.
    kept_bytes_most: usize,
    lists: Mutex<Lists>,
}

#[derive(Default)]
struct Lists {
    memories: Vec<MemorySlot>,
    used_memories: Vec<UsedMemory>,
    stacks: Vec<Stack>,
    used_stacks: Vec<UsedStack>,
    /// Slots that exist, those in use included.
    made: usize,
    /// How many guests have been given a memory so far.
    begun: u64,
    /// Whether somebody waits for the slots to be idle.
    is_watched: bool,
    /// What clean slots keep, and what those that are being cleaned may come to keep, in bytes.
    kept_bytes: usize,
}

/// The address space of one run with a stack of this size, in bytes.
pub(crate) const fn space_bytes(stack_bytes: u64) -> u64 {
    MemorySlot::SPACE_BYTES as u64 + Stack::space_bytes(stack_bytes as usize) as u64
}

impl Slots {
    /// Slots for so many guests at a time, which begin with `image`: whole pages, from the beginning of one. Their code is that of the
    /// program's own guest.
    ///
    /// # Errors
    ///
    /// The image cannot be mapped.
    #[cfg(feature = "embedded-guest")]
    pub fn new(
        image: &'static [u8],
        most: u32,
        runs_memory_bytes: u64,
        find: Option<DirtyPages>,
    ) -> io::Result<Arc<Self>> {
        let [image, code] = Embedded::all([(SNAPSHOT, image), (CODE, artifact::CODE)])?;
        Self::with(image, &code, most, runs_memory_bytes, find)
    }

    fn with(
        image: Embedded,
        code: &Embedded,
        most: u32,
        runs_memory_bytes: u64,
        find: Option<DirtyPages>,
    ) -> io::Result<Arc<Self>> {
        Ok(Arc::new(Self {
            image: Arc::new(image),
            code: Code::new(code)?,
            find: find.unwrap_or_else(DirtyPages::here),
            counts: FaultCounts::new(),
            most: most as usize,
            kept_bytes_most: usize::try_from(runs_memory_bytes / KEPT_SHARE).unwrap_or(usize::MAX),
            lists: Mutex::default(),
        }))
    }

    /// Those of an engine with this guest, if there is address space for them all. It is reserved when they are used.
    pub(crate) fn of_guest(config: &EngineConfig, guest: GuestSource) -> io::Result<Arc<Self>> {
        let all = usize::try_from(config.address_space_bytes()).map_err(|_| io::ErrorKind::OutOfMemory)?;
        drop(Space::reserve(all)?);
        let (most, bytes) = (config.instances(), config.runs_memory_bytes);
        match guest {
            #[cfg(feature = "embedded-guest")]
            GuestSource::Embedded => Self::new(artifact::IMAGE, most, bytes, None),
            GuestSource::Compiled(guest) => {
                let (image, code) = (Embedded::copied(SNAPSHOT, guest.image)?, Embedded::copied(CODE, guest.code)?);
                Self::with(image, &code, most, bytes, None)
            }
        }
    }

    /// The settings of an engine with these slots as wasmtime knows them: for tests of what one run leaves for the next, which need
    /// guests that write where Python does not.
    ///
    /// # Errors
    ///
    /// This machine cannot run the guest.
    pub fn wasmtime_config(self: &Arc<Self>, config: &EngineConfig) -> wasmtime::Result<wasmtime::Config> {
        let mut wasm = settings::wasmtime(config)?;
        self.configure(&mut wasm);
        Ok(wasm)
    }

    /// Has wasmtime take memories, stacks and code from here.
    pub(crate) fn configure(self: &Arc<Self>, config: &mut wasmtime::Config) {
        config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
        config.with_host_memory(Arc::new(Memories(Arc::clone(self))));
        config.with_host_stack(Arc::new(Stacks(Arc::clone(self))));
        config.with_custom_code_memory(Some(Arc::clone(&self.code) as Arc<dyn CustomCodeMemory>));
    }

    /// Loads the guest for an engine that is configured so.
    pub(crate) fn load(&self, engine: &wasmtime::Engine) -> wasmtime::Result<Component> {
        self.code.load(engine)
    }

    /// Cleans what one guest has used, if it is not clean yet. Called once for each guest that has ended, it leaves nothing used.
    pub fn clean(&self) {
        let (memory, stack) = {
            let mut lists = self.lists();
            (lists.used_memories.pop(), lists.used_stacks.pop())
        };
        if let Some(memory) = memory.and_then(|memory| self.cleaned(memory)) {
            self.lists().memories.push(memory);
        }
        if let Some(stack) = stack.and_then(|stack| stack.clean().ok()) {
            self.lists().stacks.push(stack);
        }
    }

    /// How many memories needed no scan, because their guests took no page fault.
    #[must_use]
    pub fn unscanned(&self) -> u64 {
        self.counts.relied_on()
    }

    /// Whether page faults were counted right, as far as that was checked.
    #[must_use]
    pub fn counts_faults_right(&self) -> bool {
        self.counts.are_right()
    }

    /// A clean slot, whose kept bytes are counted. None: it could not be cleaned, and is gone.
    fn cleaned(&self, memory: UsedMemory) -> Option<MemorySlot> {
        let keep = {
            let mut lists = self.lists();
            let keep = KEEP_BYTES.min(self.kept_bytes_most.saturating_sub(lists.kept_bytes));
            lists.kept_bytes += keep;
            keep
        };
        let were_right = self.counts.are_right();
        let cleaned = memory.clean(self.find, keep, &self.counts);
        if were_right && !self.counts.are_right() {
            // Those that were cleaned without a scan may not be clean.
            self.rest();
        }
        let mut lists = self.lists();
        lists.kept_bytes -= keep;
        match cleaned {
            Ok(slot) => {
                lists.kept_bytes += slot.kept_bytes;
                Some(slot)
            }
            Err(_) => {
                lists.made -= 1;
                None
            }
        }
    }

    /// A clean slot for a guest.
    fn memory(&self) -> io::Result<MemorySlot> {
        self.lists().begun += 1;
        loop {
            let used = {
                let mut lists = self.lists();
                if let Some(slot) = lists.memories.pop() {
                    lists.kept_bytes -= slot.kept_bytes;
                    return Ok(slot);
                }
                let used = lists.used_memories.pop();
                if used.is_none() {
                    if lists.made >= self.most {
                        return Err(io::Error::other("more guests than there may be at a time"));
                    }
                    lists.made += 1;
                }
                used
            };
            let Some(used) = used else { break };
            if let Some(slot) = self.cleaned(used) {
                self.lists().kept_bytes -= slot.kept_bytes;
                return Ok(slot);
            }
        }
        MemorySlot::new(Arc::clone(&self.image)).inspect_err(|_| self.lists().made -= 1)
    }

    fn used_memory(&self, memory: UsedMemory) {
        self.lists().used_memories.push(memory);
    }

    /// A clean stack for a guest.
    fn stack(&self, size: usize) -> io::Result<Stack> {
        let found = {
            let mut lists = self.lists();
            lists.stacks.pop().map(Ok).or_else(|| lists.used_stacks.pop().map(Err))
        };
        let found = match found {
            Some(Ok(stack)) => Some(stack),
            Some(Err(used)) => used.clean().ok(),
            None => None,
        };
        match found.filter(|stack| stack.size() == size) {
            Some(stack) => Ok(stack),
            None => Stack::new(size),
        }
    }

    fn used_stack(&self, stack: UsedStack) {
        self.lists().used_stacks.push(stack);
    }

    fn lists(&self) -> MutexGuard<'_, Lists> {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
