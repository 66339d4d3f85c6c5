//! Which pages of a private mapping this process has written, as the kernel reports.
//!
//! A written page is the process's own: it is *in memory or swapped out*, and no page of the file that is mapped. The second half is
//! what a scan must not leave out: a page that was swapped out is not "present". Pages that the kernel moves (compaction, NUMA) look
//! like swapped ones for a moment, so that is true without swap space as well.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;

use rustix::ioctl::{Ioctl, IoctlOutput, Opcode, ioctl, opcode};
use rustix::param::page_size;

/// How dirty pages are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DirtyPages {
    /// By `PAGEMAP_SCAN`: Linux 6.7 and later.
    Scan,
    /// By reading an entry for each page.
    Entries,
    /// They are not: memory is given back whole.
    Unknown,
}

/// Regions of pages in one answer: as many as the kernel collects at a time.
const REGIONS: usize = 512;

/// Entries of `/proc/self/pagemap` that are read at a time.
const ENTRIES: usize = 2048;

impl DirtyPages {
    /// The best way that this system has: one that reports a page that was written.
    pub(super) fn here() -> Self {
        let (page, written) = (page_size(), std::hint::black_box(1_u8));
        let start = (&raw const written).addr() / page * page;
        let works = |way: &Self| {
            let mut found = 0;
            way.find(start..start + page, 1, |dirty| found += dirty.len()).is_ok() && found == page
        };
        [Self::Scan, Self::Entries].into_iter().find(works).unwrap_or(Self::Unknown)
    }

    /// Reports ranges of dirty pages in ascending order, `most` pages in all or a few less. Returns how far it came: all dirty
    /// pages before that address were reported.
    ///
    /// The file is opened each time: an open one would report the parent's pages after a fork.
    ///
    /// # Errors
    ///
    /// The system does not report them, or reports what cannot be. Then nothing is known of any page.
    pub(super) fn find(self, range: Range<usize>, most: usize, report: impl FnMut(Range<usize>)) -> io::Result<usize> {
        match self {
            Self::Scan => scan_all(&File::open("/proc/self/pagemap")?, range, most, report),
            Self::Entries => read_all(&File::open("/proc/self/pagemap")?, range, most, report),
            Self::Unknown => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

fn scan_all(
    pagemap: &File,
    range: Range<usize>,
    most: usize,
    mut report: impl FnMut(Range<usize>),
) -> io::Result<usize> {
    let (mut at, mut left) = (range.start, most);
    let mut regions = [Region::default(); REGIONS];
    while at < range.end && left > 0 {
        let (found, walked) = scan(pagemap, at..range.end, &mut regions, left)?;
        for region in regions.get(..found).ok_or(io::ErrorKind::InvalidData)? {
            let dirty = region.start as usize..region.end as usize;
            if dirty.start < at || dirty.start >= dirty.end || dirty.end > walked {
                return Err(io::ErrorKind::InvalidData.into());
            }
            at = dirty.end;
            left = left.saturating_sub(dirty.len() / page_size());
            report(dirty);
        }
        // It always comes further: a full list ends behind what is in it.
        if walked > range.end || walked < at || (found == 0 && walked < range.end) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        at = walked;
    }
    Ok(at)
}

fn read_all(
    pagemap: &File,
    range: Range<usize>,
    most: usize,
    mut report: impl FnMut(Range<usize>),
) -> io::Result<usize> {
    const ENTRY: usize = size_of::<u64>();
    let (page, mut at, mut left) = (page_size(), range.start, most);
    let mut buffer = [0; ENTRIES * ENTRY];
    while at < range.end && left > 0 {
        let wanted = buffer.len().min((range.end - at) / page * ENTRY);
        pagemap.read_exact_at(&mut buffer[..wanted], (at / page * ENTRY) as u64)?;
        let mut run = at..at;
        for entry in buffer[..wanted].chunks_exact(ENTRY) {
            if left == 0 {
                break;
            }
            at += page;
            if is_dirty(u64::from_ne_bytes(entry.try_into().map_err(io::Error::other)?)) {
                left -= 1;
                run.end = at;
                continue;
            }
            if !run.is_empty() {
                report(run);
            }
            run = at..at;
        }
        if !run.is_empty() {
            report(run);
        }
    }
    Ok(at)
}

/// An entry of `/proc/self/pagemap` (Documentation/admin-guide/mm/pagemap.rst): bit 63 in memory, 62 swapped out, 61 of a file.
fn is_dirty(entry: u64) -> bool {
    entry >> 62 != 0 && (entry >> 61) & 1 == 0
}

/// `struct page_region` of linux/fs.h.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
struct Region {
    start: u64,
    end: u64,
    categories: u64,
}

/// `struct pm_scan_arg` of linux/fs.h.
#[repr(C)]
#[derive(Debug)]
struct Scan {
    size: u64,
    flags: u64,
    start: u64,
    end: u64,
    /// Set by the kernel: how far it came.
    walk_end: u64,
    regions: u64,
    regions_len: u64,
    max_pages: u64,
    category_inverted: u64,
    category_mask: u64,
    category_anyof_mask: u64,
    return_mask: u64,
}

/// Categories of pages: of a file, in memory, swapped out.
const FILE: u64 = 1 << 2;
const PRESENT: u64 = 1 << 3;
const SWAPPED: u64 = 1 << 4;

/// Fills `regions` with dirty pages of a range. How many regions, and how far it came.
#[expect(unsafe_code, reason = "a system call that rustix does not have, see SAFETY")]
fn scan(pagemap: &File, range: Range<usize>, regions: &mut [Region], most: usize) -> io::Result<(usize, usize)> {
    let mut scan = Scan {
        size: size_of::<Scan>() as u64,
        flags: 0,
        start: range.start as u64,
        end: range.end as u64,
        walk_end: 0,
        regions: regions.as_mut_ptr().expose_provenance() as u64,
        regions_len: regions.len() as u64,
        max_pages: most as u64,
        // Not of a file, and either in memory or swapped out.
        category_inverted: FILE,
        category_mask: FILE,
        category_anyof_mask: PRESENT | SWAPPED,
        return_mask: 0,
    };
    // SAFETY: the kernel reads `scan`, writes its `walk_end`, and writes to `regions` at most `regions_len` of them; both
    // are borrowed for the call. It only reads the page table: without flags, no page is changed.
    let found = unsafe { ioctl(pagemap, &mut scan)? };
    Ok((found, scan.walk_end as usize))
}

// SAFETY: the opcode is PAGEMAP_SCAN's, which takes a `struct pm_scan_arg`, and `as_ptr` points to one. Its output is a number.
#[expect(unsafe_code, reason = "a system call that rustix does not have, see SAFETY")]
unsafe impl Ioctl for &mut Scan {
    type Output = usize;

    const IS_MUTATING: bool = true;

    fn opcode(&self) -> Opcode {
        opcode::read_write::<Scan>(b'f', 16)
    }

    fn as_ptr(&mut self) -> *mut std::ffi::c_void {
        std::ptr::from_mut::<Scan>(self).cast()
    }

    unsafe fn output_from_ptr(found: IoctlOutput, _: *mut std::ffi::c_void) -> rustix::io::Result<usize> {
        usize::try_from(found).map_err(|_| rustix::io::Errno::INVAL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::Space;

    const PAGES: usize = 4000;

    /// The pages that a way reports, as numbers, and how far it came.
    fn reported(way: DirtyPages, space: &Space, most: usize) -> (Vec<usize>, usize) {
        let (page, start) = (page_size(), space.start().addr());
        let mut pages = Vec::new();
        let reached = way
            .find(start..start + PAGES * page, most, |dirty| {
                pages.extend((dirty.start - start) / page..(dirty.end - start) / page);
            })
            .expect("the system reports them");
        (pages, (reached - start) / page)
    }

    #[test]
    fn every_way_reports_exactly_the_pages_that_were_written() {
        let page = page_size();
        for step in [1, 2, 3, 7, 100, 3999] {
            let mut space = Space::reserve(PAGES * page).expect("address space");
            space.open(0..PAGES * page).expect("it is ours");
            let written: Vec<usize> = (0..PAGES).step_by(step).collect();
            for number in &written {
                space.write(number * page + 8, b"x");
            }
            for way in [DirtyPages::Scan, DirtyPages::Entries] {
                assert_eq!(reported(way, &space, usize::MAX), (written.clone(), PAGES), "{way:?}, every {step} pages");
                // No more than asked for, and nothing before the end of what was walked is left out.
                for most in [1, 511, 512, 513, 1024, written.len()] {
                    let (pages, reached) = reported(way, &space, most);
                    assert!(pages.len() <= most, "{way:?}, {most} at most");
                    let before: Vec<usize> = written.iter().copied().filter(|number| *number < reached).collect();
                    assert_eq!(pages, before, "{way:?}, every {step} pages, {most} at most");
                }
            }
            space.give_back(0..PAGES * page).expect("it is ours");
            for way in [DirtyPages::Scan, DirtyPages::Entries] {
                assert_eq!(reported(way, &space, usize::MAX), (Vec::new(), PAGES));
            }
        }
    }

    #[test]
    fn this_system_has_a_way_and_where_there_is_none_nothing_is_reported() {
        assert_ne!(DirtyPages::here(), DirtyPages::Unknown);
        assert!(DirtyPages::Unknown.find(0..page_size(), 1, |_| {}).is_err());
        // Where nothing is mapped the scan has nothing to report, and does not pretend otherwise.
        let space = Space::reserve(page_size()).expect("address space");
        let start = space.start().addr();
        drop(space);
        assert_eq!(DirtyPages::Entries.find(start..start + page_size(), 1, |_| {}).ok(), Some(start + page_size()));
    }

    #[test]
    fn entries_are_read_as_the_kernel_writes_them() {
        let (present, swapped, file) = (1 << 63, 1 << 62, 1 << 61);
        assert!(is_dirty(present) && is_dirty(swapped) && is_dirty(present | 1));
        assert!(!is_dirty(0) && !is_dirty(present | file) && !is_dirty(swapped | file));
    }
}
