//! The compiled guest: embedded in the program, mapped when an engine starts.

use wasmtime::component::Component;
use wasmtime::{Engine, Result};

/// Native code made by the build script from the guest component.
static ARTIFACT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/guest.cwasm"));

/// The SHA-256 of the guest component, in hexadecimal. Names the artifact in records: fuel is only comparable between
/// runs of one artifact.
pub const GUEST_DIGEST: &str = env!("EXUVIA_GUEST_DIGEST");

/// The guest's memory as it begins, at a page of the program's file: it is mapped from there.
#[cfg(target_os = "linux")]
pub(crate) static IMAGE: &[u8] = {
    #[repr(C, align(4096))]
    struct Aligned<B: ?Sized>(B);
    static BYTES: &Aligned<[u8]> = &Aligned(*include_bytes!(concat!(env!("OUT_DIR"), "/guest.image")));
    &BYTES.0
};

/// Loads the guest.
///
/// The code is put into a sealed, nameless file in memory and mapped from there: a plain `deserialize` would copy it to pages that
/// could be written before.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "compiled code is mapped, see SAFETY")]
pub(crate) fn load(engine: &Engine) -> Result<Component> {
    use std::os::fd::AsRawFd as _;

    let file = crate::sealed::file("exuvia-guest", ARTIFACT)?;
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    // SAFETY: the bytes were made by this crate's build script with `precompile_component`, and the seals keep everyone,
    // this process included, from changing them.
    unsafe { Component::deserialize_file(engine, path) }
}

/// Loads the guest.
#[cfg(not(target_os = "linux"))]
#[expect(unsafe_code, reason = "compiled code is mapped, see SAFETY")]
pub(crate) fn load(engine: &Engine) -> Result<Component> {
    // SAFETY: the bytes were made by this crate's build script with `precompile_component`.
    unsafe { Component::deserialize(engine, ARTIFACT) }
}
