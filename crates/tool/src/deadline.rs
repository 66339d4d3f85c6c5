//! When a call has taken too long.

use std::time::{Duration, Instant};

use crate::CallError;

/// Longer than anything that waits here lives. What is allowed beyond that is allowed for that long.
const AGES: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// The moment at which a call has taken too long. Set once, when the call's turn comes, and the same for everybody on its way:
/// of several timers that each wait as long, the outermost may end first, and then nobody inside learns what happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    at: Instant,
    allowed: Duration,
}

impl Deadline {
    /// This long after `start`, for about 30 years at most.
    #[must_use]
    pub fn after(start: Instant, allowed: Duration) -> Self {
        Self { at: start + allowed.min(AGES), allowed }
    }

    /// The moment.
    #[must_use]
    pub fn at(self) -> Instant {
        self.at
    }

    /// The one of both that comes first.
    #[must_use]
    pub fn or_earlier(self, other: Self) -> Self {
        if other.at < self.at { other } else { self }
    }

    /// The error of a call that has no answer by then.
    #[must_use]
    pub fn missed(self) -> CallError {
        CallError::TimedOut(u64::try_from(self.allowed.as_millis()).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earlier_one_counts_and_says_what_it_allowed() {
        let now = Instant::now();
        let (short, long) = (Deadline::after(now, Duration::from_secs(1)), Deadline::after(now, Duration::MAX));
        assert_eq!((short.or_earlier(long), long.or_earlier(short)), (short, short));
        assert_eq!(short.missed(), CallError::TimedOut(1_000));
        // 30 years of 365 days.
        assert_eq!(long.at(), now + Duration::from_secs(946_080_000));
        // Of two that come at the same moment it is the own one.
        let same = Deadline::after(now - Duration::from_secs(1), Duration::from_secs(2));
        assert_eq!((short.or_earlier(same), same.or_earlier(short)), (short, same));
    }
}
