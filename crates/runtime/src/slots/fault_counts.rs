//! Whether counts of page faults are relied on: the first is checked by a scan, and one in 64.

use std::io::{self, Write as _};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Of so many memories that need no scan, one is scanned all the same.
const CHECKED_OF: u64 = 64;

/// `1`: each of them is scanned, and a count that was wrong aborts the process. For tests.
const CHECK_ALL: &str = "EXUVIA_CHECK_RESETS";

/// What is known of counts of page faults so far.
#[derive(Debug, Default)]
pub(super) struct FaultCounts {
    checks_all: bool,
    were_wrong: AtomicBool,
    /// Whether the last check found them right. Until the first one, and after one that failed, nothing is relied on without another.
    is_checked: AtomicBool,
    /// Memories that were said to need no scan.
    asked: AtomicU64,
    /// Those of them that needed none.
    relied_on: AtomicU64,
}

impl FaultCounts {
    pub(super) fn new() -> Self {
        Self { checks_all: std::env::var_os(CHECK_ALL).is_some_and(|value| value == "1"), ..Self::default() }
    }

    /// Whether a memory needs no scan whose guest took no page fault, as it was counted. `check` scans it, and says whether only pages that were kept are
    /// dirty. An error is no answer: this memory is cleaned as if nothing were counted, and the next one is checked. After one wrong count every memory is
    /// scanned.
    pub(super) fn allow_skip(&self, check: impl FnOnce() -> io::Result<bool>) -> bool {
        if !self.are_right() {
            return false;
        }
        let is_due = self.asked.fetch_add(1, Ordering::Relaxed).is_multiple_of(CHECKED_OF);
        let is_checked = self.is_checked.load(Ordering::SeqCst);
        let allows = (is_checked && !is_due && !self.checks_all) || self.confirms(check());
        if allows {
            self.relied_on.fetch_add(1, Ordering::Relaxed);
        }
        allows
    }

    /// Takes note of what a check has found.
    fn confirms(&self, found: io::Result<bool>) -> bool {
        let is_right = matches!(found, Ok(true));
        self.is_checked.store(is_right, Ordering::SeqCst);
        if matches!(found, Ok(false)) {
            self.were_wrong.store(true, Ordering::SeqCst);
            if self.checks_all {
                let _ = io::stderr().write_all(b"exuvia: a page was written without a page fault\n");
                std::process::abort();
            }
        }
        is_right
    }

    /// Whether all counts were right that were checked.
    pub(super) fn are_right(&self) -> bool {
        !self.were_wrong.load(Ordering::SeqCst)
    }

    /// How many memories needed no scan, those included that were scanned to check it.
    pub(super) fn relied_on(&self) -> u64 {
        self.relied_on.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asks for so many memories, whose checks find this. How many were checked.
    fn checked_of(counts: &FaultCounts, memories: u64, found: fn() -> io::Result<bool>) -> u64 {
        let mut checked = 0;
        for _ in 0..memories {
            let allows = counts.allow_skip(|| {
                checked += 1;
                found()
            });
            assert!(allows || !matches!(found(), Ok(true)));
        }
        checked
    }

    #[test]
    fn one_of_so_many_is_checked_and_none_is_relied_on_after_one_that_was_wrong() {
        let counts = FaultCounts::default();
        assert_eq!(checked_of(&counts, CHECKED_OF * 2, || Ok(true)), 2);
        assert_eq!(counts.relied_on(), CHECKED_OF * 2);
        assert_eq!(checked_of(&counts, 1, || Ok(false)), 1);
        assert!(!counts.are_right());
        assert_eq!(checked_of(&counts, CHECKED_OF, || Err(io::ErrorKind::Other.into())), 0, "it is not asked any more");
        assert_eq!(counts.relied_on(), CHECKED_OF * 2);
    }

    #[test]
    fn what_cannot_be_checked_is_not_relied_on() {
        let (counts, error) = (FaultCounts::default(), || Err(io::ErrorKind::Unsupported.into()));
        assert_eq!(checked_of(&counts, CHECKED_OF * 2, error), CHECKED_OF * 2, "each is checked where none can be");
        assert_eq!((counts.relied_on(), counts.are_right()), (0, true));
        // A check that succeeds is enough for those that follow, until one fails.
        assert_eq!(checked_of(&counts, CHECKED_OF, || Ok(true)), 1);
        assert_eq!(checked_of(&counts, 2, error), 2);
        assert_eq!(checked_of(&counts, 3, || Ok(true)), 1);
    }
}
