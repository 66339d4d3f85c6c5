//! The pages of this process, as Linux reports them in `/proc/self`: which are its own, what stands in them, and which are
//! swapped out.

use std::fs::{self, File};
use std::io::Write as _;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use rustix::mm::{Advice, madvise, mlock};

/// The size of a page in bytes. Where the system's is larger, several of these share the fate of one of the system's.
pub const PAGE: usize = 4096;

/// Set to `required` where a gate made the swap space that tests need: what would be left out is a failure then.
const SWAP: &str = "EXUVIA_SWAP";

/// A part of this process's address space.
#[derive(Debug, Clone)]
pub struct Mapping {
    /// Its addresses.
    pub range: Range<usize>,
    /// Whether it can be written now.
    pub writable: bool,
}

/// All mappings that are private to this process.
///
/// # Panics
///
/// The system does not report them.
#[must_use]
pub fn mappings() -> Vec<Mapping> {
    let text = fs::read_to_string("/proc/self/maps").expect("/proc/self/maps");
    let mapping = |line: &str| {
        let mut fields = line.split_whitespace();
        let (range, access) = (fields.next()?, fields.next()?);
        let (start, end) = range.split_once('-')?;
        let address = |text| usize::from_str_radix(text, 16).ok();
        let range = address(start)?..address(end)?;
        // Above the addresses of a process lies what the kernel shows to all.
        let is_own = range.end < 1 << 47;
        (is_own && access.ends_with('p')).then(|| Mapping { range, writable: access.contains('w') })
    };
    text.lines().filter_map(mapping).collect()
}

/// What the kernel says of a page: an entry of `/proc/self/pagemap`.
#[derive(Clone, Copy)]
struct Entry(u64);

impl Entry {
    fn is_swapped(self) -> bool {
        (self.0 >> 62) & 1 == 1
    }

    /// In memory or swapped out, and no page of a file.
    fn is_own(self) -> bool {
        self.0 >> 62 != 0 && (self.0 >> 61) & 1 == 0
    }
}

fn entries(range: Range<usize>, mut each: impl FnMut(usize, Entry)) {
    let pagemap = File::open("/proc/self/pagemap").expect("/proc/self/pagemap");
    let mut buffer = vec![0; 1 << 16];
    let mut page = range.start / PAGE;
    while page < range.end / PAGE {
        let wanted = buffer.len().min((range.end / PAGE - page) * 8);
        let read = pagemap.read_at(&mut buffer[..wanted], page as u64 * 8).expect("entries of pages");
        assert!(read >= 8, "no entry for the page at {:x}", page * PAGE);
        for entry in buffer[..read].chunks_exact(8) {
            each(page * PAGE, Entry(u64::from_ne_bytes(entry.try_into().expect("eight bytes"))));
            page += 1;
        }
    }
}

/// The addresses of the pages in a range that are this process's own: written once, and in memory or swapped out.
#[must_use]
pub fn own_pages(range: Range<usize>) -> Vec<usize> {
    let mut pages = Vec::new();
    entries(range, |address, entry| {
        if entry.is_own() {
            pages.push(address);
        }
    });
    pages
}

/// How many pages of a range are swapped out.
#[must_use]
pub fn swapped_pages(range: Range<usize>) -> usize {
    let mut swapped = 0;
    entries(range, |_, entry| swapped += usize::from(entry.is_swapped()));
    swapped
}

/// How many own pages of all private mappings hold a text, whether the process could read them itself or not. It is given with
/// all bits inverted, so that it does not stand in this process only because it is looked for.
#[must_use]
pub fn pages_that_hold(inverted: &[u8]) -> usize {
    let memory = File::open("/proc/self/mem").expect("/proc/self/mem");
    let mut page = vec![0; PAGE];
    let is_text = |part: &[u8]| part.iter().zip(inverted).all(|(byte, inverted)| *byte == !*inverted);
    let own = mappings().into_iter().flat_map(|mapping| own_pages(mapping.range));
    let holding = own.filter(|address| {
        // A mapping may be gone by now.
        let is_there = memory.read_exact_at(&mut page, *address as u64).is_ok();
        let holds = is_there && page.windows(inverted.len()).any(is_text);
        if holds {
            // This copy must not be found as well.
            page.fill(0);
        }
        holds
    });
    holding.count()
}

/// Asks the kernel to swap out every page of this process that a run may have written.
pub fn page_out() {
    const SMALLEST: usize = 64 << 10;
    for Mapping { range, writable } in mappings() {
        if writable && range.len() >= SMALLEST {
            advise(range, Advice::LinuxPageOut);
        }
    }
}

/// Swaps out again and again until it is dropped.
pub struct Swapper {
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Swapper {
    /// Begins.
    #[must_use]
    pub fn start() -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&over);
        let swap = move || {
            while !seen.load(Ordering::Relaxed) {
                page_out();
            }
        };
        Self { over, thread: Some(std::thread::spawn(swap)) }
    }
}

impl Drop for Swapper {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Asks the kernel to back a range with huge pages.
pub fn make_huge(range: Range<usize>) {
    advise(range, Advice::LinuxHugepage);
}

#[expect(unsafe_code, reason = "advice to the kernel about a mapping, see SAFETY")]
fn advise(range: Range<usize>, advice: Advice) {
    // SAFETY: both kinds of advice that are given here leave the contents of pages as they are.
    // An error means that the mapping is gone, or that the kernel does not take the advice: the callers look for its effect.
    let _ = unsafe { madvise(range.start as *mut _, range.len(), advice) };
}

/// Locks a page into memory, so that the kernel refuses to take it back.
///
/// # Panics
///
/// It is not this process's own, or too many are locked.
#[expect(unsafe_code, reason = "a property of a mapping, see SAFETY")]
pub fn lock_page(address: usize) {
    // SAFETY: the contents of the page stay as they are.
    unsafe { mlock(address as *mut _, PAGE) }.expect("a page can be locked");
}

/// Whether pages can be swapped out here. Where not, says on standard error that `test` is left out, and why.
///
/// # Panics
///
/// They cannot, and `EXUVIA_SWAP` is `required`.
#[must_use]
pub fn can_swap(test: &str) -> bool {
    let Err(reason) = try_to_swap() else { return true };
    assert!(!std::env::var(SWAP).is_ok_and(|value| value == "required"), "{test}: {reason}");
    // Past the capture of the test harness.
    let _ = writeln!(std::io::stderr(), "NOT TESTED: {test}: {reason}; `just gates isolation`, as root, tests it");
    false
}

fn try_to_swap() -> Result<(), &'static str> {
    let swaps = fs::read_to_string("/proc/swaps").unwrap_or_default();
    if swaps.lines().count() < 2 {
        return Err("this machine has no swap space");
    }
    let written = vec![1_u8; 256 * PAGE];
    let first = written.as_ptr().addr().next_multiple_of(PAGE);
    let range = first..first + 255 * PAGE;
    advise(range.clone(), Advice::LinuxPageOut);
    if swapped_pages(range) == 0 { Err("the kernel does not swap out on request") } else { Ok(()) }
}
