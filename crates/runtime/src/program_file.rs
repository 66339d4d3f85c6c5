//! Finding bytes of this program in the file that it was started from.

use std::fs::{self, File};
use std::ops::Range;
use std::path::{Path, PathBuf};

use rustix::param::page_size;

use crate::space::Space;

/// What this process has mapped, a range a line.
const MAPS: &str = "/proc/self/maps";

/// How `/proc/self/maps` shows code that nobody can write to, and whose pages this process has alone once it writes to them.
const CODE: &str = "r-xp";

/// The addresses of the machine code of this program, or of its library that holds this function: a part of a file.
pub(crate) fn own_code() -> Option<Range<usize>> {
    let inside = (own_code as *const ()).addr();
    fs::read_to_string(MAPS).ok()?.lines().find_map(|line| {
        let range = addresses(line)?;
        let is_code = line.split_ascii_whitespace().nth(1) == Some(CODE) && line.contains('/');
        (is_code && range.contains(&inside)).then_some(range)
    })
}

/// Where parts of this program are in its file, or in that of one of its libraries that holds all of them.
///
/// What the kernel shows at their addresses is compared with what it shows of the file that can be opened: the same device and inode
/// are the same file, so that nothing has to be read and compared.
pub(crate) fn in_program<const N: usize>(parts: [&'static [u8]; N]) -> [Option<(File, u64)>; N] {
    let Ok(maps) = fs::read_to_string(MAPS) else { return [const { None }; N] };
    let shown = parts.map(|bytes| {
        let start = bytes.as_ptr().addr();
        Mapped::at(&maps, start..start + bytes.len().next_multiple_of(page_size()))
    });
    let file = shown.iter().flatten().next().and_then(|(own, path)| opened(own, path));
    let mut parts = parts.into_iter();
    shown.map(|shown| {
        let bytes = parts.next()?;
        let (file, (own, _)) = (file.as_ref()?, shown?);
        let is_aligned =
            [bytes.as_ptr().addr() as u64, own.offset].iter().all(|at| at.is_multiple_of(page_size() as u64));
        (is_aligned && own.is_of(&file.1)).then_some((file.0.try_clone().ok()?, own.offset))
    })
}

/// The file of which this is a part, and what the kernel shows of it.
fn opened(own: &Mapped, path: &Path) -> Option<(File, Mapped)> {
    // The first is right for a program whose file was moved or is in another mount namespace, the second for a library.
    [Path::new("/proc/self/exe"), path].into_iter().find_map(|path| {
        let file = File::open(path).ok()?;
        let mut trial = Space::reserve(page_size()).ok()?;
        trial.show_read_only(0..page_size(), &file, 0).ok()?;
        let start = trial.start().addr();
        let (shown, _) = Mapped::at(&fs::read_to_string(MAPS).ok()?, start..start + page_size())?;
        own.is_of(&shown).then_some((file, shown))
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
    /// Whether both show the same file.
    fn is_of(&self, other: &Self) -> bool {
        self.inode != "0" && (&self.device, &self.inode) == (&other.device, &other.inode)
    }

    /// What a range shows, if it is all of one file, and under which path that was mapped.
    fn at(maps: &str, range: Range<usize>) -> Option<(Self, PathBuf)> {
        maps.lines().find_map(|line| Self::in_line(line, &range))
    }

    /// Reads a line of `/proc/self/maps` (proc_pid_maps(5)), if the range is in it.
    fn in_line(line: &str, range: &Range<usize>) -> Option<(Self, PathBuf)> {
        let shown = addresses(line)?;
        let mut fields = line.split_ascii_whitespace().skip(2);
        let offset = fields.next()?;
        let (device, inode) = (fields.next()?.to_owned(), fields.next()?.to_owned());
        let path = line.find('/').map_or_else(PathBuf::new, |start| PathBuf::from(&line[start..]));
        if range.start < shown.start || range.end > shown.end {
            return None;
        }
        let offset = u64::from_str_radix(offset, 16).ok()? + (range.start - shown.start) as u64;
        Some((Self { device, inode, offset }, path))
    }
}

/// The addresses of a line of `/proc/self/maps`.
fn addresses(line: &str) -> Option<Range<usize>> {
    let (start, end) = line.split_ascii_whitespace().next()?.split_once('-')?;
    Some(usize::from_str_radix(start, 16).ok()?..usize::from_str_radix(end, 16).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_code_is_what_is_executed_here_and_nothing_that_is_written() {
        static mut WRITTEN: u8 = 1;
        let code = own_code().expect("this is Linux");
        assert!(code.contains(&(in_program::<1> as *const ()).addr()));
        assert!(!code.contains(&(&raw const WRITTEN).addr()) && !code.contains(&(&raw const code).addr()));
        assert!(code.start.is_multiple_of(page_size()) && code.end.is_multiple_of(page_size()));
    }

    #[test]
    fn a_line_is_read_as_the_kernel_writes_it() {
        let line = "7f00-9f00 r-xp 00001000 fe:00 5555121   /usr/bin/exuvia";
        assert_eq!(addresses(line), Some(0x7f00..0x9f00));
        let (mapped, path) = Mapped::at(line, 0x8000..0x9000).expect("inside");
        assert_eq!((mapped.offset, path), (0x1100, PathBuf::from("/usr/bin/exuvia")));
        assert_eq!(Mapped::at(line, 0x8000..0xa000), None);
    }
}
