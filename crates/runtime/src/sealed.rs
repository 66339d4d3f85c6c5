//! Sealed memory files (`memfd_create`), which cannot be changed any more.

use std::fs::File;
use std::io::{self, Write as _};
use std::time::Duration;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use rustix::io::Errno;

/// Such a file with these bytes.
pub(crate) fn file(name: &str, bytes: &[u8]) -> io::Result<File> {
    let mut file = File::from(memfd_create(name, MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?);
    file.write_all(bytes)?;
    seal(&file)?;
    Ok(file)
}

/// Seals the file. The kernel answers EBUSY while it holds a page of it itself, for a moment: for reclaim, migration or compaction
/// (`memfd_wait_for_pins` in mm/memfd.c, which waits about 150 ms each time).
fn seal(file: &File) -> rustix::io::Result<()> {
    const ATTEMPTS: usize = 20;
    let seals = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
    for _ in 1..ATTEMPTS {
        match fcntl_add_seals(file, seals) {
            Err(Errno::BUSY) => std::thread::sleep(Duration::from_millis(10)),
            done => return done,
        }
    }
    fcntl_add_seals(file, seals)
}
