//! The compiled guest: embedded in the program, mapped when an engine starts.

use wasmtime::component::Component;
use wasmtime::{Engine, Result};

/// Native code made by the build script from the guest component.
static ARTIFACT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/guest.cwasm"));

/// The SHA-256 of the guest component, in hexadecimal. Names the artifact in records: fuel is only comparable between
/// runs of one artifact.
pub const GUEST_DIGEST: &str = env!("EXUVIA_GUEST_DIGEST");

/// Loads the guest.
///
/// The code is put into a sealed, nameless file in memory and mapped from there: wasmtime then initializes the guest's
/// memory by copy-on-write from the same pages, where a plain `deserialize` would keep a second copy of it.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "compiled code is mapped, see SAFETY")]
pub(crate) fn load(engine: &Engine) -> Result<Component> {
    use std::io::Write as _;
    use std::os::fd::AsRawFd as _;

    use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

    let descriptor = memfd_create("exuvia-guest", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    let mut file = std::fs::File::from(descriptor);
    file.write_all(ARTIFACT)?;
    fcntl_add_seals(&file, SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL)?;
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
