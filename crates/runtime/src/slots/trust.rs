//! Whether a slot is clean without a scan: behind a check of every so many.

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Of so many slots that would be cleaned without a scan, one is scanned all the same.
const CHECKED_OF: u64 = 64;

/// Set, each of them is scanned, and what was not so ends the process: for tests.
const CHECK_ALL: &str = "EXUVIA_CHECK_RESETS";

/// Whether what is counted of page faults is relied on.
#[derive(Debug)]
pub(super) struct Trust {
    checks_all: bool,
    is_refuted: AtomicBool,
    without_scan: AtomicU64,
}

impl Trust {
    pub(super) fn new() -> Self {
        let checks_all = std::env::var_os(CHECK_ALL).is_some_and(|value| !value.is_empty());
        Self { checks_all, is_refuted: AtomicBool::new(false), without_scan: AtomicU64::new(0) }
    }

    /// Whether a slot needs no scan whose guest took no page fault. `check` scans, and says whether that is so. Once it was not, every slot is
    /// scanned from then on.
    pub(super) fn holds(&self, check: impl FnOnce() -> bool) -> bool {
        if !self.is_kept() {
            return false;
        }
        let number = self.without_scan.fetch_add(1, Ordering::Relaxed);
        if (!self.checks_all && !number.is_multiple_of(CHECKED_OF)) || check() {
            return true;
        }
        self.is_refuted.store(true, Ordering::SeqCst);
        if self.checks_all {
            let _ = std::io::stderr().write_all(b"exuvia: a page was written without a page fault\n");
            std::process::abort();
        }
        false
    }

    /// Whether no check has failed.
    pub(super) fn is_kept(&self) -> bool {
        !self.is_refuted.load(Ordering::SeqCst)
    }

    /// How many slots were cleaned so, those included that were checked.
    pub(super) fn without_scan(&self) -> u64 {
        self.without_scan.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_so_many_is_checked_and_none_is_trusted_after_one_that_fails() {
        let trust = Trust { checks_all: false, is_refuted: AtomicBool::new(false), without_scan: AtomicU64::new(0) };
        let mut checked = 0;
        for _ in 0..CHECKED_OF * 2 {
            let check = || {
                checked += 1;
                true
            };
            assert!(trust.holds(check));
        }
        assert_eq!((checked, trust.without_scan()), (2, CHECKED_OF * 2));
        assert!(!trust.holds(|| false));
        assert!(!trust.holds(|| true) && !trust.holds(|| unreachable!("it is not asked any more")));
    }
}
