//! Address space of this process: reserved, filled, opened and given back. All unsafe code about mappings is here.

use std::ffi::c_void;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::ptr::{NonNull, null_mut};

use rustix::mm::{Advice, MapFlags, MprotectFlags, ProtFlags, madvise, mmap, mmap_anonymous, mprotect, munmap};
use rustix::param::page_size;

/// A part of the address space that nothing else uses, in bytes from its start. It cannot be accessed where nothing has opened it.
///
/// Ranges must consist of whole pages and lie inside; what does not is an error or a panic, never another place. The contents of
/// opened ranges may be read and written by whoever has been given [its address](Self::start), but not while a method runs: whoever
/// calls one has the space back.
#[derive(Debug)]
pub(crate) struct Space {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: the space belongs to its owner alone, whatever thread that is on, and has no state that is bound to a thread.
#[expect(unsafe_code, reason = "a pointer to memory of its own, see SAFETY")]
unsafe impl Send for Space {}

// SAFETY: a shared `Space` gives nothing but its address.
#[expect(unsafe_code, reason = "a pointer to memory of its own, see SAFETY")]
unsafe impl Sync for Space {}

#[expect(unsafe_code, reason = "mappings, see SAFETY at each")]
impl Space {
    /// Reserves so many bytes, none of which can be accessed.
    pub(crate) fn reserve(len: usize) -> io::Result<Self> {
        // SAFETY: without MAP_FIXED the kernel chooses a place where nothing is mapped.
        let start =
            unsafe { mmap_anonymous(null_mut(), len, ProtFlags::empty(), MapFlags::PRIVATE | MapFlags::NORESERVE)? };
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::Other)?;
        Ok(Self { start, len })
    }

    pub(crate) fn start(&self) -> *mut u8 {
        self.start.as_ptr()
    }

    fn at(&self, range: &Range<usize>) -> *mut u8 {
        assert!(range.start <= range.end && range.end <= self.len, "{range:?} of {}", self.len);
        self.start.as_ptr().wrapping_add(range.start)
    }

    fn pages(&self, range: &Range<usize>) -> *mut c_void {
        let page = page_size();
        assert!(range.start.is_multiple_of(page) && range.end.is_multiple_of(page), "{range:?} in pages of {page}");
        self.at(range).cast()
    }

    /// Shows a part of a file there, copied on write.
    pub(crate) fn show(&mut self, range: Range<usize>, file: &File, offset: u64) -> io::Result<()> {
        let (at, access) = (self.pages(&range), ProtFlags::READ | ProtFlags::WRITE);
        // SAFETY: what is replaced is the space's own, and nobody accesses it while it is borrowed here.
        unsafe { mmap(at, range.len(), access, MapFlags::PRIVATE | MapFlags::FIXED, file, offset)? };
        Ok(())
    }

    /// Shows a part of a file there that can be read only.
    pub(crate) fn show_read_only(&mut self, range: Range<usize>, file: &File, offset: u64) -> io::Result<()> {
        let at = self.pages(&range);
        // SAFETY: as in `show`.
        unsafe { mmap(at, range.len(), ProtFlags::READ, MapFlags::PRIVATE | MapFlags::FIXED, file, offset)? };
        Ok(())
    }

    /// Takes the pages of a range that shows a file, and that nobody can write to, out of this process until they are used.
    pub(crate) fn rest(&self, range: Range<usize>) {
        // SAFETY: a page that is read again comes from the file, with the same contents. An error leaves it where it is.
        let _ = unsafe { madvise(self.pages(&range), range.len(), Advice::LinuxDontNeed) };
    }

    /// Lets a range be read and written. What was never written reads as zeros, or as the file that is shown there.
    pub(crate) fn open(&mut self, range: Range<usize>) -> io::Result<()> {
        // SAFETY: the range is the space's own. More access than before invalidates nothing.
        unsafe { mprotect(self.pages(&range), range.len(), MprotectFlags::READ | MprotectFlags::WRITE) }?;
        Ok(())
    }

    /// Makes a range inaccessible again.
    pub(crate) fn shut(&mut self, range: Range<usize>) -> io::Result<()> {
        // SAFETY: the range is the space's own, and nobody accesses it while it is borrowed here.
        unsafe { mprotect(self.pages(&range), range.len(), MprotectFlags::empty()) }?;
        Ok(())
    }

    /// Gives the pages of a range back to the kernel, swapped-out ones included: it reads as zeros, or as the file that is shown
    /// there.
    pub(crate) fn give_back(&mut self, range: Range<usize>) -> io::Result<()> {
        if range.is_empty() {
            return Ok(());
        }
        // SAFETY: as in `shut`.
        unsafe { madvise(self.pages(&range), range.len(), Advice::LinuxDontNeed) }?;
        Ok(())
    }

    /// Reads a byte of an opened range: from memory, whatever the compiler knows of it.
    pub(crate) fn read(&self, place: usize) -> u8 {
        let at = self.at(&(place..place + 1));
        // SAFETY: `at` checks that the place is inside. That it was opened is the caller's promise, as in `write`.
        unsafe { at.read_volatile() }
    }

    /// Writes bytes to a place in an opened range.
    pub(crate) fn write(&mut self, place: usize, bytes: &[u8]) {
        let at = self.at(&(place..place + bytes.len()));
        // SAFETY: `at` checks that the space is large enough, nobody else accesses it, and `bytes` is borrowed from elsewhere.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), at, bytes.len()) };
    }

    /// Writes zeros to an opened range.
    pub(crate) fn zero(&mut self, range: Range<usize>) {
        // SAFETY: as in `write`.
        unsafe { std::ptr::write_bytes(self.at(&range), 0, range.len()) };
    }
}

impl Drop for Space {
    #[expect(unsafe_code, reason = "a mapping, see SAFETY")]
    fn drop(&mut self) {
        // SAFETY: the space was mapped by `reserve` and its owner is gone. An error would leave it mapped, and out of use for good.
        let _ = unsafe { munmap(self.start.as_ptr().cast(), self.len) };
    }
}

/// Takes the pages of a constant of the program, which the kernel has mapped from a file, out of this process until they are used.
#[expect(unsafe_code, reason = "advice about pages of the program, see SAFETY")]
pub(crate) fn rest_constant(bytes: &'static [u8]) {
    let page = page_size();
    let start = bytes.as_ptr().addr().next_multiple_of(page);
    let end = (bytes.as_ptr().addr() + bytes.len()) / page * page;
    let Some(len) = end.checked_sub(start).filter(|len| *len > 0) else { return };
    let at = bytes.as_ptr().with_addr(start).cast_mut().cast();
    // SAFETY: nobody can write to these pages, so that the file has what they hold. An error leaves them where they are.
    let _ = unsafe { madvise(at, len, Advice::LinuxDontNeed) };
}

/// Takes the pages of machine code that the kernel has mapped from a file out of this process until they are executed again.
///
/// No page of it may have been written: a breakpoint that a debugger or a probe of the kernel has put there would be gone.
#[expect(unsafe_code, reason = "advice about pages of the program, see SAFETY")]
pub(crate) fn rest_code(code: Range<usize>) {
    let at = std::ptr::with_exposed_provenance_mut(code.start);
    // SAFETY: nobody can write to these pages and the caller has seen that nobody did, so that the file has what they hold. Who executes
    // one meanwhile has it mapped again. An error leaves them where they are.
    let _ = unsafe { madvise(at, code.len(), Advice::LinuxDontNeed) };
}
