//! The compiled guest: embedded in the program, and run where it is.

use std::ptr::NonNull;

use wasmtime::component::Component;
use wasmtime::{Engine, Result};

/// Bytes from the beginning of a page on, for pages of 4 KiB, or on other processors than x86-64 up to 64 KiB.
#[cfg_attr(target_arch = "x86_64", repr(C, align(0x1000)))]
#[cfg_attr(not(target_arch = "x86_64"), repr(C, align(0x10000)))]
struct Pages<B: ?Sized>(B);

/// Native code made by the build script from the guest component.
static ARTIFACT: &Pages<[u8]> = &Pages(*include_bytes!(concat!(env!("OUT_DIR"), "/guest.cwasm")));

/// The SHA-256 of the guest component, in hexadecimal. Names the artifact in records: fuel is only comparable between
/// runs of one artifact.
pub const GUEST_DIGEST: &str = env!("EXUVIA_GUEST_DIGEST");

/// The guest's memory as it begins, at a page of the program's file: it is mapped from there.
#[cfg(target_os = "linux")]
pub(crate) static IMAGE: &[u8] = {
    static BYTES: &Pages<[u8]> = &Pages(*include_bytes!(concat!(env!("OUT_DIR"), "/guest.image")));
    &BYTES.0
};

/// The code, with what describes it.
#[cfg(target_os = "linux")]
pub(crate) fn code() -> &'static [u8] {
    &ARTIFACT.0
}

/// Loads the guest: its code is executed as the kernel has mapped it from the program's file, so that no page of it is read before
/// it is used, and all processes of one program share it.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "compiled code is loaded, see SAFETY")]
pub(crate) fn load(engine: &Engine) -> Result<Component> {
    // SAFETY: the bytes were made by this crate's build script with `precompile_component`. They are a constant of the program,
    // which is never unmapped and which nobody can write to.
    unsafe { Component::deserialize_raw(engine, NonNull::from(&ARTIFACT.0)) }
}

/// Loads the guest.
#[cfg(not(target_os = "linux"))]
#[expect(unsafe_code, reason = "compiled code is loaded, see SAFETY")]
pub(crate) fn load(engine: &Engine) -> Result<Component> {
    // SAFETY: the bytes were made by this crate's build script with `precompile_component`.
    unsafe { Component::deserialize(engine, &ARTIFACT.0) }
}

/// Makes code executable that is a constant of the program.
#[cfg(target_os = "linux")]
pub(crate) struct InProgram;

#[cfg(target_os = "linux")]
impl wasmtime::CustomCodeMemory for InProgram {
    fn required_alignment(&self) -> usize {
        rustix::param::page_size()
    }

    #[expect(unsafe_code, reason = "access to pages of the program, see SAFETY")]
    fn publish_executable(&self, code: *const u8, len: usize) -> Result<()> {
        use rustix::mm::{MprotectFlags, mprotect};

        // SAFETY: they stay readable, and nothing that may be read becomes less so.
        unsafe { mprotect(code.cast_mut().cast(), len, MprotectFlags::READ | MprotectFlags::EXEC) }?;
        Ok(())
    }

    /// Another engine may be running the same code.
    fn unpublish_executable(&self, _code: *const u8, _len: usize) -> Result<()> {
        Ok(())
    }
}
