//! What retention believes of the clock: one that jumps must not make everything too old at once.

/// How far the clock may be ahead of what was seen of it: a journal that nobody wrote for longer waits once.
const MAX_STEP_MS: u64 = 24 * 60 * 60 * 1_000;
/// How long the clock must have stood behind a jump, by itself, until it is believed: somebody may set it right.
const SETTLED_MS: u64 = 24 * 60 * 60 * 1_000;
/// What was seen is stored again after so long.
const STORED_MS: u64 = 60 * 60 * 1_000;

/// What was seen of the clock, by whichever process: stored with the journal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct RetentionClock {
    /// The latest time that is believed, in milliseconds since the epoch. 0: none was seen.
    pub(super) seen_ms: u64,
    /// The time after a jump that is not believed yet. 0: there was none.
    pub(super) jump_ms: u64,
}

impl RetentionClock {
    /// Reads the clock. Returns whether runs may be removed for their age by this time.
    pub(super) fn read(&mut self, now_ms: u64) -> bool {
        if self.seen_ms == 0 || now_ms <= self.seen_ms.saturating_add(MAX_STEP_MS) {
            // One that was set back far is followed, so that the next jump is noticed.
            let is_far_back = now_ms.saturating_add(MAX_STEP_MS) < self.seen_ms;
            *self = Self { seen_ms: if is_far_back { now_ms } else { self.seen_ms.max(now_ms) }, jump_ms: 0 };
            return true;
        }
        if self.jump_ms == 0 || now_ms < self.jump_ms {
            self.jump_ms = now_ms;
        }
        let is_settled = now_ms - self.jump_ms >= SETTLED_MS;
        if is_settled {
            *self = Self { seen_ms: now_ms, jump_ms: 0 };
        }
        is_settled
    }

    /// Whether it differs enough from what is stored.
    pub(super) fn is_news(&self, stored: &Self) -> bool {
        self.jump_ms != stored.jump_ms || self.seen_ms.abs_diff(stored.seen_ms) >= STORED_MS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 60 * 60 * 1_000;
    const NOW: u64 = 1_764_385_200_000;
    const YEARS: u64 = 10 * 365 * 24 * HOUR;

    fn clock() -> RetentionClock {
        let mut clock = RetentionClock::default();
        assert!(clock.read(NOW));
        clock
    }

    #[test]
    fn a_clock_that_goes_on_is_believed() {
        let mut clock = clock();
        assert!((0..300).all(|step| clock.read(NOW + step * 23 * HOUR)));
    }

    #[test]
    fn a_jump_is_believed_when_the_clock_has_stood_there_for_a_day() {
        let mut clock = clock();
        for hours in 0..24 {
            assert!(!clock.read(NOW + YEARS + hours * HOUR), "{hours}");
        }
        assert!(clock.read(NOW + YEARS + 24 * HOUR));
        assert!(clock.read(NOW + YEARS + 25 * HOUR));
    }

    #[test]
    fn a_jump_that_is_set_right_is_forgotten() {
        let mut clock = clock();
        assert!(!clock.read(NOW + YEARS));
        assert!(clock.read(NOW + HOUR));
        assert_eq!(clock, RetentionClock { seen_ms: NOW + HOUR, jump_ms: 0 });
        assert!(!clock.read(NOW + YEARS + 25 * HOUR), "another jump begins anew");
        assert!(!clock.read(NOW + YEARS), "also one that is set right in part");
        assert!(!clock.read(NOW + YEARS + 23 * HOUR));
    }

    #[test]
    fn a_clock_that_was_wrong_from_the_beginning_is_followed_back() {
        let mut clock = RetentionClock::default();
        assert!(clock.read(NOW + YEARS) && clock.read(NOW));
        assert!(!clock.read(NOW + YEARS));
    }

    #[test]
    fn what_is_seen_is_stored_now_and_then() {
        let stored = clock();
        let mut clock = stored;
        clock.read(NOW + HOUR / 2);
        assert!(!clock.is_news(&stored));
        clock.read(NOW + HOUR);
        assert!(clock.is_news(&stored));
        let mut clock = stored;
        clock.read(NOW + YEARS);
        assert!(clock.is_news(&stored));
    }
}
