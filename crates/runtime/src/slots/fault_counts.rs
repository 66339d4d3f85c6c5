//! Whether counts of page faults are relied on: one in 64 is checked by a scan.

use std::io::{self, Write as _};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Of so many memories that need no scan, one is scanned all the same.
const CHECKED_OF: u64 = 64;

/// `1`: each of them is scanned, and a count that was wrong aborts the process. For tests.
const CHECK_ALL: &str = "EXUVIA_CHECK_RESETS";

/// What is known of counts of page faults so far.
#[derive(Debug)]
pub(super) struct FaultCounts {
    checks_all: bool,
    were_wrong: AtomicBool,
    /// Memories that needed no scan.
    relied_on: AtomicU64,
}

impl FaultCounts {
    pub(super) fn new() -> Self {
        let checks_all = std::env::var_os(CHECK_ALL).is_some_and(|value| value == "1");
        Self { checks_all, were_wrong: AtomicBool::new(false), relied_on: AtomicU64::new(0) }
    }

    /// Whether a memory needs no scan whose guest took no page fault, as it was counted. `check` scans it, and says whether only pages that were kept are
    /// dirty; an error is no answer, and the memory is cleaned as if nothing were counted. After one wrong count every memory is scanned.
    pub(super) fn allow_skip(&self, check: impl FnOnce() -> io::Result<bool>) -> bool {
        if !self.are_right() {
            return false;
        }
        let number = self.relied_on.fetch_add(1, Ordering::Relaxed);
        if !self.checks_all && !number.is_multiple_of(CHECKED_OF) {
            return true;
        }
        match check() {
            Ok(true) => return true,
            Ok(false) => self.were_wrong.store(true, Ordering::SeqCst),
            Err(_) => return false,
        }
        if self.checks_all {
            let _ = io::stderr().write_all(b"exuvia: a page was written without a page fault\n");
            std::process::abort();
        }
        false
    }

    /// Whether all counts were right that were checked.
    pub(super) fn are_right(&self) -> bool {
        !self.were_wrong.load(Ordering::SeqCst)
    }

    /// How many memories needed no scan, those included that were checked.
    pub(super) fn relied_on(&self) -> u64 {
        self.relied_on.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_so_many_is_checked_and_none_is_relied_on_after_one_that_was_wrong() {
        let counts =
            FaultCounts { checks_all: false, were_wrong: AtomicBool::new(false), relied_on: AtomicU64::new(0) };
        let mut checked = 0;
        for _ in 0..CHECKED_OF * 2 {
            let check = || {
                checked += 1;
                Ok(true)
            };
            assert!(counts.allow_skip(check));
        }
        assert_eq!((checked, counts.relied_on()), (2, CHECKED_OF * 2));
        assert!(!counts.allow_skip(|| Err(io::ErrorKind::Other.into())), "it could not be checked");
        assert!(
            counts.are_right() && (1..CHECKED_OF).all(|_| counts.allow_skip(|| unreachable!("it is not its turn")))
        );
        assert!(!counts.allow_skip(|| Ok(false)) && !counts.are_right());
        assert!(!counts.allow_skip(|| unreachable!("it is not asked any more")));
    }
}
