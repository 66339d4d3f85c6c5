//! Finding bytes of this program in the file that it was started from.

use std::fs::{self, File};
use std::ops::Range;
use std::path::{Path, PathBuf};

use rustix::param::page_size;

use crate::space::Space;

/// Where bytes of this program are in its file, or in that of one of its libraries.
///
/// What the kernel shows at their address is compared with what it shows of the file: the same device, inode and offset are the same
/// page cache, so that nothing has to be read and compared.
pub(crate) fn in_program(bytes: &'static [u8]) -> Option<(File, u64)> {
    let (page, start) = (page_size(), bytes.as_ptr().addr());
    let len = bytes.len().next_multiple_of(page);
    let (own, path) = Mapped::at(start..start + len)?;
    if own.inode == "0" || !start.is_multiple_of(page) || !own.offset.is_multiple_of(page as u64) {
        return None;
    }
    // The first is right for a program whose file was moved or is in another mount namespace, the second for a library.
    [Path::new("/proc/self/exe"), &path].into_iter().find_map(|path| {
        let file = File::open(path).ok()?;
        let mut trial = Space::reserve(len).ok()?;
        trial.show(0..len, &file, own.offset).ok()?;
        let start = trial.start().addr();
        let (shown, _) = Mapped::at(start..start + len)?;
        (shown == own).then_some((file, own.offset))
    })
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
    /// What a range shows, if it is all of one file, and under which path that was mapped.
    fn at(range: Range<usize>) -> Option<(Self, PathBuf)> {
        let maps = fs::read_to_string("/proc/self/maps").ok()?;
        maps.lines().find_map(|line| Self::in_line(line, &range))
    }

    /// Reads a line of `/proc/self/maps` (proc_pid_maps(5)), if the range is in it.
    fn in_line(line: &str, range: &Range<usize>) -> Option<(Self, PathBuf)> {
        let mut fields = line.split_ascii_whitespace();
        let (addresses, _access, offset) = (fields.next()?, fields.next()?, fields.next()?);
        let (device, inode) = (fields.next()?.to_owned(), fields.next()?.to_owned());
        let path = line.find('/').map_or_else(PathBuf::new, |start| PathBuf::from(&line[start..]));
        let (start, end) = addresses.split_once('-')?;
        let (start, end) = (usize::from_str_radix(start, 16).ok()?, usize::from_str_radix(end, 16).ok()?);
        if range.start < start || range.end > end {
            return None;
        }
        let offset = u64::from_str_radix(offset, 16).ok()? + (range.start - start) as u64;
        Some((Self { device, inode, offset }, path))
    }
}
