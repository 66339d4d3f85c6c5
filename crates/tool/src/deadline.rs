//! The deadline of a call.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::call::CallError;
use crate::locked::locked;

/// Longer than anything that waits here lives. What is allowed beyond that is allowed for that long.
const AGES: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// The deadline of a call. Set once, when the call is admitted, and the same in every layer: of several timers with the same
/// duration the outermost may fire first, and the inner layers would not learn what happened. Clones are
/// [extended](Self::put_off) together; waiters check again.
#[derive(Debug, Clone)]
pub struct Deadline {
    start: Instant,
    allowed: Duration,
    /// To when it was put off, if it was.
    later: Arc<Mutex<Option<Instant>>>,
}

impl Deadline {
    /// This long after `start`, for about 30 years at most.
    #[must_use]
    pub fn after(start: Instant, allowed: Duration) -> Self {
        Self { start, allowed: allowed.min(AGES), later: Arc::default() }
    }

    /// The moment, as it is now.
    #[must_use]
    pub fn at(&self) -> Instant {
        let later = *locked(&self.later);
        let first = self.start + self.allowed;
        later.map_or(first, |later| later.max(first))
    }

    /// The one of both that comes first. It is put off together with this one, whichever it is.
    #[must_use]
    pub fn or_earlier(self, other: Self) -> Self {
        if other.at() < self.at() { Self { later: self.later, ..other } } else { self }
    }

    /// Puts it off, so that from `now` there is as much time as there was at the start, but no more than `most` in all. It never
    /// comes sooner than before.
    pub fn put_off(&self, now: Instant, most: Duration) {
        let later = (now + self.allowed).min(self.start + most.min(AGES));
        let later = later.max(self.at());
        *locked(&self.later) = Some(later);
    }

    /// The error of a call that has no answer by then.
    #[must_use]
    pub fn missed(&self) -> CallError {
        let waited = self.at().saturating_duration_since(self.start);
        CallError::TimedOut(u64::try_from(waited.as_millis()).unwrap_or(u64::MAX))
    }
}

/// The same moment for the same reason, whatever puts it off later.
impl PartialEq for Deadline {
    fn eq(&self, other: &Self) -> bool {
        (self.at(), self.allowed) == (other.at(), other.allowed)
    }
}

impl Eq for Deadline {}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn the_earlier_one_counts_and_says_what_it_allowed() {
        let now = Instant::now();
        let (short, long) = (Deadline::after(now, S), Deadline::after(now, Duration::MAX));
        assert_eq!(
            (short.clone().or_earlier(long.clone()), long.clone().or_earlier(short.clone())),
            (short.clone(), short.clone())
        );
        assert_eq!(short.missed(), CallError::TimedOut(1_000));
        // 30 years of 365 days.
        assert_eq!(long.at(), now + Duration::from_secs(946_080_000));
        // Of two that come at the same moment it is the own one.
        let same = Deadline::after(now - S, 2 * S);
        assert_eq!((short.clone().or_earlier(same.clone()), same.clone().or_earlier(short.clone())), (short, same));
    }

    #[test]
    fn it_is_put_off_for_all_who_hold_it_and_within_a_bound() {
        let now = Instant::now();
        let (host, server) = (Deadline::after(now, 30 * S), Deadline::after(now, 10 * S));
        let call = host.clone().or_earlier(server);
        call.put_off(now + 5 * S, 100 * S);
        assert_eq!((call.at(), host.at(), call.missed()), (now + 15 * S, now + 30 * S, CallError::TimedOut(15_000)));
        call.put_off(now + 60 * S, 100 * S);
        assert_eq!((call.at(), host.at()), (now + 70 * S, now + 70 * S));
        call.put_off(now + 95 * S, 100 * S);
        assert_eq!((call.at(), host.at(), call.missed()), (now + 100 * S, now + 100 * S, CallError::TimedOut(100_000)));
        // A bound below what is allowed anyway takes nothing away.
        call.put_off(now, S);
        assert_eq!(call.at(), now + 100 * S);
        let alone = Deadline::after(now, 10 * S);
        alone.put_off(now + S, 2 * S);
        assert_eq!(alone.at(), now + 10 * S);
    }
}
