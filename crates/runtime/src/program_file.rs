//! Finding bytes of this program in the file that it was started from.

use std::fs::{self, File};
use std::ops::Range;
use std::path::{Path, PathBuf};

use rustix::param::page_size;

use crate::space::Space;

/// What this process has mapped, a range a line.
const MAPS: &str = "/proc/self/maps";

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
