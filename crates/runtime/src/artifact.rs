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

    use rustix::fs::{MemfdFlags, memfd_create};

    let descriptor = memfd_create("exuvia-guest", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    let mut file = std::fs::File::from(descriptor);
    file.write_all(ARTIFACT)?;
    seal(&file)?;
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    // SAFETY: the bytes were made by this crate's build script with `precompile_component`, and the seals keep everyone,
    // this process included, from changing them.
    unsafe { Component::deserialize_file(engine, path) }
}

/// Seals the file. The kernel answers EBUSY while it holds a page of it itself, for a moment: for reclaim, migration or compaction
/// (`memfd_wait_for_pins` in mm/memfd.c, which waits about 150 ms each time).
#[cfg(target_os = "linux")]
fn seal(file: &std::fs::File) -> rustix::io::Result<()> {
    use rustix::fs::{SealFlags, fcntl_add_seals};
    use rustix::io::Errno;

    const ATTEMPTS: usize = 20;
    let seals = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
    for _ in 1..ATTEMPTS {
        match fcntl_add_seals(file, seals) {
            Err(Errno::BUSY) => std::thread::sleep(std::time::Duration::from_millis(10)),
            done => return done,
        }
    }
    fcntl_add_seals(file, seals)
}

/// Loads the guest.
#[cfg(not(target_os = "linux"))]
#[expect(unsafe_code, reason = "compiled code is mapped, see SAFETY")]
pub(crate) fn load(engine: &Engine) -> Result<Component> {
    // SAFETY: the bytes were made by this crate's build script with `precompile_component`.
    unsafe { Component::deserialize(engine, ARTIFACT) }
}
