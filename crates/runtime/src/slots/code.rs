//! The guest's code, executed where the program's file is mapped.

use std::io;
use std::ptr::{NonNull, slice_from_raw_parts_mut};
use std::sync::Arc;

use rustix::mm::{MprotectFlags, mprotect};
use rustix::param::page_size;
use wasmtime::component::Component;
use wasmtime::error::Context as _;
use wasmtime::{CustomCodeMemory, Engine, Result};

use crate::embedded::Embedded;
use crate::space::Space;

/// The code of one engine: a mapping of its own, because wasmtime knows code by its address. No page of it is read before it is used,
/// and all processes of one program share them.
pub(super) struct Code {
    space: Space,
    len: usize,
    mapped_len: usize,
}

impl Code {
    /// Native code that was made with `precompile_component`.
    pub(super) fn new(embedded: &Embedded) -> io::Result<Arc<Self>> {
        let (len, mapped_len) = (embedded.len(), embedded.mapped_len());
        let mut space = Space::reserve(mapped_len)?;
        space.show_read_only(0..mapped_len, &embedded.file, embedded.offset)?;
        Ok(Arc::new(Self { space, len, mapped_len }))
    }

    /// Loads the guest for an engine that has this as its code memory.
    #[expect(unsafe_code, reason = "compiled code is loaded, see SAFETY")]
    pub(super) fn load(&self, engine: &Engine) -> Result<Component> {
        let code = NonNull::new(slice_from_raw_parts_mut(self.space.start(), self.len)).context("a mapping")?;
        // SAFETY: the bytes were made with `precompile_component` by this crate, and nobody can write to them. They
        // stay mapped for as long as the code is loaded: what wasmtime loads keeps its code memory, which is this.
        unsafe { Component::deserialize_raw(engine, code) }
    }

    /// Takes its pages out of this process until they are used.
    pub(super) fn rest(&self) {
        self.space.rest(0..self.mapped_len);
    }
}

impl CustomCodeMemory for Code {
    fn required_alignment(&self) -> usize {
        page_size()
    }

    #[expect(unsafe_code, reason = "access to pages, see SAFETY")]
    fn publish_executable(&self, code: *const u8, len: usize) -> Result<()> {
        // SAFETY: they stay readable, and nothing writes to code that is published.
        unsafe { mprotect(code.cast_mut().cast(), len, MprotectFlags::READ | MprotectFlags::EXEC) }?;
        Ok(())
    }

    /// Nothing: who unpublishes is about to unmap it.
    fn unpublish_executable(&self, _code: *const u8, _len: usize) -> Result<()> {
        Ok(())
    }
}
