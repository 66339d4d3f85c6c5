//! The stack of one guest after another.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use wasmtime::{StackCreator, StackMemory};

use super::Slots;
use crate::space::Space;

/// What lies below and above a stack, in bytes: at least a page of any system.
const STACK_GUARD_BYTES: usize = 64 << 10;

/// How much of the upper end of a stack stays in memory, overwritten with zeros, in bytes. Most runs come no deeper.
const KEPT_BYTES: usize = 128 << 10;

/// A stack: zeros and nothing else.
#[derive(Debug)]
pub(super) struct Stack {
    space: Space,
    size: usize,
}

/// A stack that a guest has run on.
#[derive(Debug)]
pub(super) struct UsedStack(Stack);

impl Stack {
    /// The address space of a stack of this size, in bytes.
    pub(super) const fn space_bytes(size: usize) -> usize {
        STACK_GUARD_BYTES + size + STACK_GUARD_BYTES
    }

    pub(super) fn new(size: usize) -> io::Result<Self> {
        let mut space = Space::reserve(Self::space_bytes(size))?;
        space.open(STACK_GUARD_BYTES..STACK_GUARD_BYTES + size)?;
        Ok(Self { space, size })
    }

    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Gives back what stays in memory of it.
    ///
    /// # Errors
    ///
    /// The kernel refuses. The stack is gone then.
    pub(super) fn rest(mut self) -> io::Result<Self> {
        self.space.give_back(STACK_GUARD_BYTES..STACK_GUARD_BYTES + self.size)?;
        Ok(self)
    }
}

impl UsedStack {
    /// Overwrites its upper end and gives the rest back to the kernel.
    ///
    /// # Errors
    ///
    /// The kernel refuses. The stack is gone then.
    pub(super) fn clean(self) -> io::Result<Stack> {
        let Self(Stack { mut space, size }) = self;
        let top = STACK_GUARD_BYTES + size;
        let kept = top - KEPT_BYTES.min(size)..top;
        space.give_back(STACK_GUARD_BYTES..kept.start)?;
        space.zero(kept);
        Ok(Stack { space, size })
    }
}

/// A guest's stack.
struct GuestStack {
    /// Taken when it is dropped.
    stack: Option<Stack>,
    bottom: usize,
    size: usize,
    slots: Arc<Slots>,
}

// SAFETY: the range is whole pages of this stack alone, that can be read and written; those below it cannot.
#[expect(unsafe_code, reason = "a stack of our own for wasmtime, see SAFETY")]
unsafe impl StackMemory for GuestStack {
    fn top(&self) -> *mut u8 {
        std::ptr::with_exposed_provenance_mut(self.range().end)
    }

    fn range(&self) -> Range<usize> {
        self.bottom..self.bottom + self.size
    }

    fn guard_range(&self) -> Range<*mut u8> {
        let guard = self.bottom - STACK_GUARD_BYTES..self.bottom;
        std::ptr::with_exposed_provenance_mut(guard.start)..std::ptr::with_exposed_provenance_mut(guard.end)
    }
}

impl Drop for GuestStack {
    fn drop(&mut self) {
        if let Some(stack) = self.stack.take() {
            self.slots.used_stack(UsedStack(stack));
        }
    }
}

/// Gives guests their stacks.
pub(super) struct Stacks(pub(super) Arc<Slots>);

// SAFETY: a stack is of the size that is asked for, rounded up to pages; zeros, whether they are asked for or not; and guarded.
#[expect(unsafe_code, reason = "stacks of our own for wasmtime, see SAFETY")]
unsafe impl StackCreator for Stacks {
    fn new_stack(&self, size: usize, _zeroed: bool) -> wasmtime::Result<Box<dyn StackMemory>> {
        let size = size.next_multiple_of(rustix::param::page_size());
        let stack = self.0.stack(size)?;
        let bottom = stack.space.start().wrapping_add(STACK_GUARD_BYTES).expose_provenance();
        Ok(Box::new(GuestStack { stack: Some(stack), bottom, size, slots: Arc::clone(&self.0) }))
    }
}
