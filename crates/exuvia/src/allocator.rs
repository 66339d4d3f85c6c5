//! The allocator of the program, where it is that of glibc: large buffers go back to the system when they are freed.
//!
//! glibc raises the size above which a chunk is mapped on its own (`M_MMAP_THRESHOLD`) to that of the largest one that was mapped and
//! freed, up to 32 MiB. After one long message the buffers of later ones come from the heaps of the threads, which keep them. See
//! `mallopt(3)`; decision 3.9 has the measurements.

/// Chunks of this size or more are mapped on their own, in bytes, where no heap has room, and unmapped when they are freed.
const MAPPED_BYTES: i32 = 4 << 20;
/// What a heap may have free at its end before that goes back, in bytes: twice the size above, as glibc itself sets it.
const TRIMMED_BYTES: i32 = 2 * MAPPED_BYTES;

/// To be called once, when the program starts. `MALLOC_MMAP_THRESHOLD_` and `GLIBC_TUNABLES` of these two have no effect after it.
#[expect(unsafe_code, reason = "settings of the allocator, see SAFETY")]
pub(crate) fn configure() {
    for (parameter, value) in [(libc::M_MMAP_THRESHOLD, MAPPED_BYTES), (libc::M_TRIM_THRESHOLD, TRIMMED_BYTES)] {
        // SAFETY: it takes two numbers, and a lock of the allocator. It refuses what it does not know.
        let is_set = unsafe { libc::mallopt(parameter, value) } == 1;
        debug_assert!(is_set, "glibc knows both");
    }
}
