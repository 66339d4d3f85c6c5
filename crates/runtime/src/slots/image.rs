//! The memory of a guest as it begins: the snapshot, as a file that can be mapped.

use std::fs::{self, File};
use std::io;
use std::ops::Range;

use super::space::{Space, unmap_until_used};
use crate::{artifact, sealed};

/// A snapshot: its bytes as this process has them anyway, and a part of a file that holds the same.
#[derive(Debug)]
pub(super) struct Image {
    pub(super) bytes: &'static [u8],
    pub(super) file: File,
    pub(super) offset: u64,
    /// Whether the file is the program's.
    is_in_program: bool,
}

impl Image {
    /// The image of these bytes, which begin at a page: of the program's own file if they are in there and it can be opened, and
    /// otherwise of a copy in memory.
    pub(super) fn new(bytes: &'static [u8]) -> io::Result<Self> {
        if let Some((file, offset)) = in_program(bytes) {
            return Ok(Self { bytes, file, offset, is_in_program: true });
        }
        Ok(Self { bytes, file: sealed::file("exuvia-snapshot", bytes)?, offset: 0, is_in_program: false })
    }

    /// Takes the pages of the program that hold it, and those of the guest's code beside it, out of this process until they are used.
    pub(super) fn rest(&self) {
        if self.is_in_program {
            unmap_until_used(self.bytes);
            unmap_until_used(artifact::code());
        }
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }
}

/// Where bytes of this program are in its file.
///
/// What the kernel shows at their address is compared with what it shows of the file: the same device, inode and offset are the same
/// page cache, so that nothing has to be read and compared.
fn in_program(bytes: &'static [u8]) -> Option<(File, u64)> {
    let (page, start) = (rustix::param::page_size(), bytes.as_ptr().addr());
    let own = Mapped::at(start..start + bytes.len())?;
    if own.inode == "0" || !start.is_multiple_of(page) || !own.offset.is_multiple_of(page as u64) {
        return None;
    }
    let file = File::open("/proc/self/exe").ok()?;
    let mut trial = Space::reserve(bytes.len()).ok()?;
    trial.show(0..bytes.len(), &file, own.offset).ok()?;
    let start = trial.start().addr();
    let is_same = Mapped::at(start..start + bytes.len()).as_ref() == Some(&own);
    is_same.then_some((file, own.offset))
}

/// What a range of addresses shows.
#[derive(Debug, PartialEq, Eq)]
struct Mapped {
    device: String,
    inode: String,
    /// Where the range begins in the file.
    offset: u64,
}

impl Mapped {
    /// What a range shows, if it is all of one file.
    fn at(range: Range<usize>) -> Option<Self> {
        let maps = fs::read_to_string("/proc/self/maps").ok()?;
        maps.lines().find_map(|line| Self::in_line(line, &range))
    }

    /// Reads a line of `/proc/self/maps` (proc_pid_maps(5)), if the range is in it.
    fn in_line(line: &str, range: &Range<usize>) -> Option<Self> {
        let mut fields = line.split_ascii_whitespace();
        let (addresses, _access, offset) = (fields.next()?, fields.next()?, fields.next()?);
        let (device, inode) = (fields.next()?.to_owned(), fields.next()?.to_owned());
        let (start, end) = addresses.split_once('-')?;
        let (start, end) = (usize::from_str_radix(start, 16).ok()?, usize::from_str_radix(end, 16).ok()?);
        if range.start < start || range.end > end {
            return None;
        }
        let offset = u64::from_str_radix(offset, 16).ok()? + (range.start - start) as u64;
        Some(Self { device, inode, offset })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt as _;

    use super::*;

    #[test]
    fn the_snapshot_is_mapped_from_the_program() {
        let image = Image::new(crate::artifact::IMAGE).expect("an image");
        let program = File::open("/proc/self/exe").expect("the program");
        let same = |one: &File, other: &File| {
            use std::os::unix::fs::MetadataExt as _;
            let [one, other] = [one, other].map(|file| file.metadata().expect("metadata"));
            (one.dev(), one.ino()) == (other.dev(), other.ino())
        };
        assert!(image.offset > 0 && same(&image.file, &program), "it was copied");
        let mut bytes = vec![0; image.len()];
        image.file.read_exact_at(&mut bytes, image.offset).expect("the snapshot");
        assert!(bytes == image.bytes, "the file holds something else");
    }

    #[test]
    fn a_snapshot_that_is_not_in_the_program_is_copied() {
        let bytes: &'static [u8] = Box::leak(vec![7; 64 << 10].into_boxed_slice());
        let image = Image::new(bytes).expect("an image");
        assert_eq!(image.offset, 0);
        let mut read = vec![0; bytes.len()];
        image.file.read_exact_at(&mut read, 0).expect("the copy");
        assert_eq!(read, bytes);
    }
}
