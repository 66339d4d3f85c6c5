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
    /// Those of these bytes, which begin at a page: in the program's own file if they are in there and it can be opened, and
    /// otherwise in a copy in memory of this name.
    #[cfg(test)]
    pub(crate) fn new(name: &str, bytes: &'static [u8]) -> io::Result<Self> {
        let [embedded] = Self::all([(name, bytes)])?;
        Ok(embedded)
    }

    /// The same for several.
    pub(crate) fn all<const N: usize>(parts: [(&str, &'static [u8]); N]) -> io::Result<[Self; N]> {
        let places = in_program(parts.map(|(_, bytes)| bytes));
        let mut all = Vec::with_capacity(N);
        for ((name, bytes), place) in parts.into_iter().zip(places) {
            all.push(match place {
                Some((file, offset)) => Self { bytes: bytes.into(), file, offset },
                None => Self::copied(name, bytes)?,
            });
        }
        all.try_into().map_err(|_| io::ErrorKind::Other.into())
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

/// Where parts of this program are in its file.
///
/// What the kernel shows at their addresses is compared with what it shows of the file that can be opened: the same device and inode
/// are the same file, so that nothing has to be read and compared.
fn in_program<const N: usize>(parts: [&'static [u8]; N]) -> [Option<(File, u64)>; N] {
    let found = File::open("/proc/self/exe").and_then(|file| {
        let mut trial = Space::reserve(page_size())?;
        trial.show_read_only(0..page_size(), &file, 0)?;
        let start = trial.start().addr();
        Ok((file, fs::read_to_string("/proc/self/maps")?, start..start + page_size()))
    });
    let Ok((file, maps, trial)) = found else { return [const { None }; N] };
    let Some(program) = Mapped::at(&maps, trial) else { return [const { None }; N] };
    parts.map(|bytes| {
        let (page, start) = (page_size(), bytes.as_ptr().addr());
        let own = Mapped::at(&maps, start..start + bytes.len().next_multiple_of(page))?;
        let is_there = own.inode != "0" && (own.device, own.inode) == (program.device, program.inode);
        let is_aligned = start.is_multiple_of(page) && own.offset.is_multiple_of(page as u64);
        (is_there && is_aligned).then_some((file.try_clone().ok()?, own.offset))
    })
}

/// What a range of addresses shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mapped<'a> {
    device: &'a str,
    inode: &'a str,
    /// Where the range begins in the file.
    offset: u64,
}

impl<'a> Mapped<'a> {
    /// What a range shows, if it is all of one file: by `/proc/self/maps`.
    fn at(maps: &'a str, range: Range<usize>) -> Option<Self> {
        maps.lines().find_map(|line| Self::in_line(line, &range))
    }

    /// Reads a line (proc_pid_maps(5)), if the range is in it.
    fn in_line(line: &'a str, range: &Range<usize>) -> Option<Self> {
        let mut fields = line.split_ascii_whitespace();
        let (addresses, _access, offset) = (fields.next()?, fields.next()?, fields.next()?);
        let (device, inode) = (fields.next()?, fields.next()?);
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
