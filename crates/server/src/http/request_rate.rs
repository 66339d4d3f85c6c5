//! The rate of requests of one address.

use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::address::counted;

/// Buckets: 128 KiB. Addresses that share one share its rate; a random seed decides which.
const BUCKETS: usize = 1 << 14;
/// How much of a minute's requests may come at once: those of so many seconds.
const BURST: Duration = Duration::from_secs(10);

/// How many requests each address may make. Memory and time are constant, whatever comes from how many addresses.
pub(super) struct RequestRate {
    /// Microseconds between two requests of one address.
    interval: u64,
    /// In each bucket when it will be empty again, in microseconds since the beginning.
    buckets: Box<[AtomicU64]>,
    seed: RandomState,
    begun: Instant,
}

impl fmt::Debug for RequestRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestRate").finish_non_exhaustive()
    }
}

impl RequestRate {
    /// So many in a minute, of which those of ten seconds may come at once.
    pub(super) fn new(per_minute: u32) -> Self {
        Self {
            interval: micros(Duration::from_secs(60)) / u64::from(per_minute.max(1)),
            buckets: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect(),
            seed: RandomState::new(),
            begun: Instant::now(),
        }
    }

    /// Counts one request of an address. Those of this machine are not counted.
    ///
    /// # Errors
    ///
    /// It is too many: in how long there may be another one.
    pub(super) fn take(&self, address: IpAddr) -> Result<(), Duration> {
        self.take_at(address, micros(self.begun.elapsed()))
    }

    fn take_at(&self, address: IpAddr, now: u64) -> Result<(), Duration> {
        if address.is_loopback() {
            return Ok(());
        }
        let bucket = self.seed.hash_one(counted(address)) as usize % BUCKETS;
        let taken = self.buckets[bucket].fetch_update(Ordering::Relaxed, Ordering::Relaxed, |empty_at| {
            let next = empty_at.max(now) + self.interval;
            (next - now <= micros(BURST).max(self.interval)).then_some(next)
        });
        // What comes while it is full does not make it fuller.
        let wait = |empty_at: u64| (empty_at + self.interval).saturating_sub(now + micros(BURST).max(self.interval));
        taken.map(|_| ()).map_err(|empty_at| Duration::from_micros(wait(empty_at)))
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    fn address(number: u32) -> IpAddr {
        IpAddr::from((0x0a00_0000 + number).to_be_bytes())
    }

    #[test]
    fn an_address_has_a_burst_and_then_its_rate() {
        let rate = RequestRate::new(60);
        assert!((0..10).all(|_| rate.take_at(address(1), 0).is_ok()));
        assert_eq!(rate.take_at(address(1), 0), Err(Duration::from_secs(1)));
        assert!(rate.take_at(address(1), SECOND).is_ok() && rate.take_at(address(1), SECOND).is_err());
        assert!((0..10).all(|_| rate.take_at(address(1), 60 * SECOND).is_ok()), "it has made up for all");
    }

    #[test]
    fn one_in_a_minute_is_one_in_a_minute() {
        let rate = RequestRate::new(1);
        assert!(rate.take_at(address(1), 0).is_ok());
        assert_eq!(rate.take_at(address(1), 0), Err(Duration::from_secs(60)));
        assert!(rate.take_at(address(1), 60 * SECOND).is_ok());
    }

    #[test]
    fn most_other_addresses_and_this_machine_are_not_held_up() {
        let rate = RequestRate::new(60);
        (0..100).for_each(|_| {
            let _ = rate.take_at(address(0), 0);
        });
        let free = (1..100).filter(|number| rate.take_at(address(*number), 0).is_ok()).count();
        assert!(free > 95, "{free}");
        assert!((0..100).all(|_| rate.take_at([127, 0, 0, 1].into(), 0).is_ok()));
    }
}
