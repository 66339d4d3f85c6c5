//! Bytes that are embedded in the program, as a part of a file that can be mapped.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io;
use std::ops::Range;

use rustix::param::page_size;

use crate::sealed;
use crate::space::{Space, rest_constant};

/// Bytes as this process has them anyway, and a part of a file that holds the same.
#[derive(Debug)]
pub(crate) struct Embedded {
    pub(crate) bytes: Cow<'static, [u8]>,
    pub(crate) file: File,
    pub(crate) offset: u64,
}

impl Embedded {
    /// Those of these bytes, which begin at a page: in the file that they were mapped from, the program or a library of it, if that can
    /// be opened, and otherwise in a copy in memory of this name.
    pub(crate) fn new(name: &str, bytes: &'static [u8]) -> io::Result<Self> {
        if let Some((file, offset)) = in_program(bytes) {
            return Ok(Self { bytes: bytes.into(), file, offset });
        }
        Self::copied(name, bytes)
    }

    /// Bytes that are not in the program: in a copy in memory of this name.
    pub(crate) fn copied(name: &str, bytes: impl Into<Cow<'static, [u8]>>) -> io::Result<Self> {
        let bytes = bytes.into();
        Ok(Self { file: sealed::file(name, &bytes)?, bytes, offset: 0 })
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Takes the pages at its address out of this process until they are used, if they come from the program's file.
    pub(crate) fn rest(&self) {
        if let Cow::Borrowed(bytes) = self.bytes
            && self.offset > 0
        {
            rest_constant(bytes);
        }
    }

    /// Its length in whole pages, in bytes.
    pub(crate) fn mapped_len(&self) -> usize {
        self.bytes.len().next_multiple_of(page_size())
    }
}

/// Where bytes of this program are in its file, or in that of the library that has them.
///
/// What the kernel shows at their address is compared with what it shows of the file: the same device, inode and offset are the same
/// page cache, so that nothing has to be read and compared.
fn in_program(bytes: &'static [u8]) -> Option<(File, u64)> {
    let (page, start) = (page_size(), bytes.as_ptr().addr());
    let len = bytes.len().next_multiple_of(page);
    let (own, path) = Mapped::at(start..start + len)?;
    if own.inode == "0" || !start.is_multiple_of(page) || !own.offset.is_multiple_of(page as u64) {
        return None;
    }
    // The first is there even if another file has taken the program's place.
    let files = ["/proc/self/exe", path.as_str()].into_iter().filter_map(|path| File::open(path).ok());
    files.map(|file| (file, own.offset)).find(|(file, offset)| own.is_in(file, *offset, len))
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
    /// What a range shows, if it is all of one file, and the path of that, which may have become another file's.
    fn at(range: Range<usize>) -> Option<(Self, String)> {
        let maps = fs::read_to_string("/proc/self/maps").ok()?;
        maps.lines().find_map(|line| Self::in_line(line, &range))
    }

    /// Whether a mapping of this file from there on shows the same.
    fn is_in(&self, file: &File, offset: u64, len: usize) -> bool {
        let Ok(mut trial) = Space::reserve(len) else { return false };
        if trial.show(0..len, file, offset).is_err() {
            return false;
        }
        let start = trial.start().addr();
        Self::at(start..start + len).is_some_and(|(shown, _)| shown == *self)
    }

    /// Reads a line of `/proc/self/maps` (proc_pid_maps(5)), if the range is in it.
    fn in_line(line: &str, range: &Range<usize>) -> Option<(Self, String)> {
        let mut fields = line.splitn(5, ' ');
        let (addresses, _access, offset) = (fields.next()?, fields.next()?, fields.next()?);
        let device = fields.next()?.to_owned();
        let (inode, path) = fields.next()?.split_once(' ')?;
        let (inode, path) = (inode.to_owned(), path.trim_start().to_owned());
        let (start, end) = addresses.split_once('-')?;
        let (start, end) = (usize::from_str_radix(start, 16).ok()?, usize::from_str_radix(end, 16).ok()?);
        if range.start < start || range.end > end {
            return None;
        }
        let offset = u64::from_str_radix(offset, 16).ok()? + (range.start - start) as u64;
        Some((Self { device, inode, offset }, path))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt as _;

    use super::*;

    #[test]
    fn what_is_embedded_is_mapped_from_the_program() {
        use std::os::unix::fs::MetadataExt as _;

        let program = File::open("/proc/self/exe").expect("the program");
        let inode = |file: &File| file.metadata().map(|file| (file.dev(), file.ino())).expect("metadata");
        for bytes in [crate::artifact::CODE, crate::artifact::IMAGE] {
            let embedded = Embedded::new("test", bytes).expect("a file");
            assert!(embedded.offset > 0 && inode(&embedded.file) == inode(&program), "it was copied");
            let mut read = vec![0; bytes.len()];
            embedded.file.read_exact_at(&mut read, embedded.offset).expect("the bytes");
            assert!(read == bytes, "the file holds something else");
        }
    }

    #[test]
    fn what_is_not_in_the_program_is_copied() {
        let bytes: &'static [u8] = Box::leak(vec![7; 64 << 10].into_boxed_slice());
        let embedded = Embedded::new("test", bytes).expect("a file");
        assert_eq!(embedded.offset, 0);
        let mut read = vec![0; bytes.len()];
        embedded.file.read_exact_at(&mut read, 0).expect("the copy");
        assert_eq!(read, bytes);
    }
}
