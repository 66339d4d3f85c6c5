//! The linear memory of one guest after another.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use rustix::param::page_size;
use wasmtime::{LinearMemory, MemoryCreator, MemoryType};

use super::dirty::DirtyPages;
use super::fault_counts::FaultCounts;
use super::faults::GuestFaults;
use super::{ADDRESSABLE_BYTES, GUARD_BYTES, Slots};
use crate::embedded::Embedded;
use crate::space::Space;

/// Where the memory is in its address space: behind what code that computes a wrong address may meet first.
const BASE: usize = GUARD_BYTES;

/// Address space for a guest's memory, clean: it holds the image and nothing else.
#[derive(Debug)]
pub(super) struct MemorySlot {
    space: Space,
    image: Arc<Embedded>,
    /// The pages that are its own since it was cleaned, and hold what the image does: ascending, by their places in the memory.
    kept: Vec<Range<usize>>,
    /// What it holds of the process's memory: those pages.
    pub(super) kept_bytes: usize,
}

/// A slot that a guest has written to.
#[derive(Debug)]
pub(super) struct UsedMemory {
    slot: MemorySlot,
    /// How large its memory has become.
    size: usize,
    /// What is known of the page faults of its guest. None: they were not counted.
    faults: Option<Arc<GuestFaults>>,
}

impl MemorySlot {
    pub(super) const SPACE_BYTES: usize = GUARD_BYTES + ADDRESSABLE_BYTES + GUARD_BYTES;

    pub(super) fn new(image: Arc<Embedded>) -> io::Result<Self> {
        let mut space = Space::reserve(Self::SPACE_BYTES)?;
        space.show(inside(0..image.len()), &image.file, image.offset)?;
        Ok(Self { space, image, kept: Vec::new(), kept_bytes: 0 })
    }

    /// Gives back what was kept.
    ///
    /// # Errors
    ///
    /// The kernel refuses. The slot is gone then.
    pub(super) fn rest(mut self) -> io::Result<Self> {
        self.space.give_back(inside(0..self.image.len()))?;
        self.forget_kept();
        Ok(self)
    }

    fn forget_kept(&mut self) {
        (self.kept, self.kept_bytes) = (Vec::new(), 0);
    }
}

/// A range of the memory as one of its address space.
fn inside(range: Range<usize>) -> Range<usize> {
    BASE + range.start..BASE + range.end
}

impl UsedMemory {
    /// Puts back what the guest wrote: up to `keep` bytes of pages are overwritten from the image and stay in memory, the rest is
    /// given back to the kernel. The pages that a guest wrote which took no page fault are among those that were kept before it.
    ///
    /// # Errors
    ///
    /// The kernel refuses to give memory back. The slot is gone then.
    pub(super) fn clean(self, find: DirtyPages, keep: usize, counts: &FaultCounts) -> io::Result<MemorySlot> {
        let Self { mut slot, size, faults } = self;
        let image = slot.image.len();
        if size > image {
            slot.space.give_back(inside(image..size))?;
            slot.space.shut(inside(image..size))?;
        }
        // Where dirty pages cannot be found no slot keeps any, and nothing could show that a count was wrong.
        let took_no_fault = find != DirtyPages::Unknown && faults.is_some_and(|faults| faults.were_none());
        if took_no_fault && slot.kept_bytes <= keep && counts.allow_skip(|| slot.has_written_only_kept(find)) {
            slot.put_back_kept();
            return Ok(slot);
        }
        let reached = slot.put_back(find, keep).unwrap_or_else(|_| {
            slot.forget_kept();
            0
        });
        slot.space.give_back(inside(reached..image))?;
        Ok(slot)
    }
}

impl MemorySlot {
    /// Overwrites dirty pages from the image, which are those that are kept from now on. How far it came.
    fn put_back(&mut self, find: DirtyPages, keep: usize) -> io::Result<usize> {
        let Self { space, image, kept, kept_bytes } = self;
        let (start, len) = (space.start().addr() + BASE, image.len());
        kept.clear();
        *kept_bytes = 0;
        let reached = find.find(start..start + len, keep / page_size(), |dirty| {
            let dirty = dirty.start - start..dirty.end - start;
            space.write(BASE + dirty.start, &image.bytes[dirty.clone()]);
            *kept_bytes += dirty.len();
            match kept.last_mut() {
                Some(last) if last.end == dirty.start => last.end = dirty.end,
                _ => kept.push(dirty),
            }
        })?;
        Ok(reached - start)
    }

    /// Overwrites the pages that are kept.
    fn put_back_kept(&mut self) {
        for range in &self.kept {
            self.space.write(BASE + range.start, &self.image.bytes[range.clone()]);
        }
    }

    /// Whether its dirty pages are all among those that are kept.
    fn has_written_only_kept(&self, find: DirtyPages) -> io::Result<bool> {
        let (start, len, mut is_kept) = (self.space.start().addr() + BASE, self.image.len(), true);
        find.find(start..start + len, usize::MAX, |dirty| {
            let dirty = dirty.start - start..dirty.end - start;
            let next = self.kept.partition_point(|kept| kept.end < dirty.end);
            is_kept &= self.kept.get(next).is_some_and(|kept| kept.start <= dirty.start && dirty.end <= kept.end);
        })?;
        Ok(is_kept)
    }
}

/// A guest's memory.
struct GuestMemory {
    /// Taken when it is dropped.
    slot: Option<MemorySlot>,
    base: *mut u8,
    size: usize,
    faults: Option<Arc<GuestFaults>>,
    slots: Arc<Slots>,
}

// SAFETY: `base` is the address of the slot, which can be sent and shared.
#[expect(unsafe_code, reason = "a pointer into a slot, see SAFETY")]
unsafe impl Send for GuestMemory {}

// SAFETY: as above. A shared `GuestMemory` changes nothing.
#[expect(unsafe_code, reason = "a pointer into a slot, see SAFETY")]
unsafe impl Sync for GuestMemory {}

// SAFETY: `ADDRESSABLE_BYTES` from `base` are reserved for this memory alone, of which the first `size` can be accessed and the
// rest cannot, as cannot the `GUARD_BYTES` around them. The base never moves.
#[expect(unsafe_code, reason = "a memory of our own for wasmtime, see SAFETY")]
unsafe impl LinearMemory for GuestMemory {
    fn byte_size(&self) -> usize {
        self.size
    }

    fn byte_capacity(&self) -> usize {
        ADDRESSABLE_BYTES
    }

    fn grow_to(&mut self, size: usize) -> wasmtime::Result<()> {
        if size > ADDRESSABLE_BYTES || size < self.size {
            wasmtime::bail!("a memory of {size} bytes");
        }
        let slot = self.slot.as_mut().ok_or_else(|| io::Error::other("the memory is gone"))?;
        slot.space.open(inside(self.size..size))?;
        self.size = size;
        Ok(())
    }

    fn as_ptr(&self) -> *mut u8 {
        self.base
    }
}

impl Drop for GuestMemory {
    fn drop(&mut self) {
        if let Some(slot) = self.slot.take() {
            // Counted to its end: nobody has had the memory afterwards.
            let is_present =
                |faults: &Arc<GuestFaults>| GuestFaults::present().is_some_and(|present| Arc::ptr_eq(&present, faults));
            let faults = self.faults.take().filter(is_present);
            self.slots.used_memory(UsedMemory { slot, size: self.size, faults });
        }
    }
}

/// Gives guests their memories.
pub(super) struct Memories(pub(super) Arc<Slots>);

// SAFETY: a memory begins with all that its type asks for, in address space as large as wasmtime wants it reserved and guarded, or
// it is refused. It holds the image rather than zeros: what the data segments would write that were taken out of the module.
#[expect(unsafe_code, reason = "memories of our own for wasmtime, see SAFETY")]
unsafe impl MemoryCreator for Memories {
    fn new_memory(
        &self,
        ty: MemoryType,
        minimum: usize,
        _maximum: Option<usize>,
        reserved: Option<usize>,
        guard: usize,
    ) -> Result<Box<dyn LinearMemory>, String> {
        let fits = minimum == self.0.image.len()
            && reserved.unwrap_or(0) <= ADDRESSABLE_BYTES
            && guard <= GUARD_BYTES
            && !ty.is_64()
            && !ty.is_shared();
        if !fits {
            return Err(format!("no memory of {minimum} bytes has an image here: {ty:?}"));
        }
        let slot = self.0.memory().map_err(|error| format!("no address space for a memory: {error}"))?;
        let base = slot.space.start().wrapping_add(BASE);
        let (faults, slots) = (GuestFaults::present(), Arc::clone(&self.0));
        Ok(Box::new(GuestMemory { slot: Some(slot), base, size: minimum, faults, slots }))
    }
}
