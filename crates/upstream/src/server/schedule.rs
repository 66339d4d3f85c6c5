//! When a server's tool list is refreshed. Time is an argument.

use std::time::{Duration, Instant};

use super::backoff::Backoff;

/// How long after the notification of a changed list it is read: one change often comes as several notifications.
const SETTLING: Duration = Duration::from_millis(100);
/// The shortest time between two readings of a list, however often the server says that it has changed.
pub(crate) const LISTING_PAUSE: Duration = Duration::from_secs(5);
/// A list that is long in coming is read so rarely that reading takes at most one part in so many of the time.
const LISTING_SHARE: u32 = 20;
/// The pauses between attempts at a server that did not start, or whose list cannot be read.
const RETRIES: Backoff = Backoff { first: Duration::from_secs(1), longest: Duration::from_secs(60) };

/// When the list of one server is due.
#[derive(Debug)]
pub(crate) struct Schedule {
    refresh: Duration,
    /// In a row.
    failures: u32,
    due: Instant,
    earliest: Instant,
    /// A change was notified and not read yet.
    noticed: bool,
}

impl Schedule {
    /// The list was read just now, or could not be. `refresh`: the longest time between two readings.
    pub(crate) fn new(refresh: Duration, read: bool, now: Instant, jitter: u32) -> Self {
        let mut schedule = Self { refresh, failures: 0, due: now, earliest: now, noticed: false };
        if read {
            schedule.read(now, Duration::ZERO);
            // The first change is seen at once, also right after the start.
            schedule.earliest = now;
        } else {
            schedule.failed(now, jitter);
        }
        schedule
    }

    /// When it is to be read.
    pub(crate) fn due(&self) -> Instant {
        self.due
    }

    /// Whether a notification of a change would make no difference.
    pub(crate) fn is_noticed(&self) -> bool {
        self.noticed
    }

    /// The server says that it has changed.
    pub(crate) fn changed(&mut self, now: Instant) {
        self.noticed = true;
        self.due = self.due.min((now + SETTLING).max(self.earliest));
    }

    /// It was read, which took so long.
    pub(crate) fn read(&mut self, now: Instant, took: Duration) {
        (self.failures, self.noticed) = (0, false);
        self.earliest = now + LISTING_PAUSE.max(took.saturating_mul(LISTING_SHARE));
        self.due = self.earliest.max(now + self.refresh);
    }

    /// It could not be read. Tells whether that is the first time in a row.
    pub(crate) fn failed(&mut self, now: Instant, jitter: u32) -> bool {
        self.failures = self.failures.saturating_add(1);
        self.noticed = false;
        self.earliest = now + LISTING_PAUSE;
        self.due = now + RETRIES.pause(self.failures, jitter);
        self.failures == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn a_quiet_server_is_asked_once_in_its_period() {
        let start = Instant::now();
        let mut schedule = Schedule::new(600 * S, true, start, 0);
        assert_eq!(schedule.due(), start + 600 * S);
        schedule.read(start + 600 * S, S);
        assert_eq!(schedule.due(), start + 1200 * S);
        // A period of nothing is no way around the pause.
        assert_eq!(Schedule::new(Duration::ZERO, true, start, 0).due(), start + LISTING_PAUSE);
    }

    #[test]
    fn a_server_that_changes_all_the_time_is_asked_once_a_pause() {
        let start = Instant::now();
        let mut schedule = Schedule::new(600 * S, true, start, 0);
        let (mut now, mut readings) = (start, Vec::new());
        while now < start + 60 * S {
            schedule.changed(now);
            if now >= schedule.due() {
                readings.push(now - start);
                schedule.read(now, Duration::ZERO);
            }
            now += S / 20;
        }
        assert_eq!(readings.len(), 12, "{readings:?}");
        assert_eq!(readings[0], SETTLING);
        // One that takes long is asked less often.
        schedule.read(now, 2 * S);
        schedule.changed(now);
        assert_eq!(schedule.due(), now + 40 * S);
    }

    #[test]
    fn failures_are_retried_with_growing_pauses_and_noticed_changes_do_not_hurry_them() {
        let start = Instant::now();
        let mut schedule = Schedule::new(600 * S, false, start, 0);
        assert_eq!(schedule.due(), start + S);
        let pauses: Vec<u64> = (0..7)
            .map(|_| {
                assert!(!schedule.failed(start, 0));
                schedule.changed(start);
                (schedule.due() - start).as_secs()
            })
            .collect();
        assert_eq!(pauses, [2, 4, 5, 5, 5, 5, 5]);
        schedule.failed(start, 0);
        assert_eq!(schedule.due(), start + 60 * S);
        schedule.read(start, Duration::ZERO);
        assert!(schedule.failed(start, 0));
    }
}
