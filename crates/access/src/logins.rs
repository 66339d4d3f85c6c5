//! Failed logins: how many an address may have, and one line of log a minute.

use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

/// Failed logins that an address may have at once.
const BURST: u64 = 10;
/// How long it takes until an address may have one more.
const REFILL: Duration = Duration::from_secs(6);
/// Buckets: 512 KiB. Addresses that share one share its failures; a random seed decides which.
const BUCKETS: usize = 1 << 16;
/// How often failures are logged.
const LOGGED: Duration = Duration::from_secs(60);

/// How many failed logins each address may have: 10 at once, and then 10 a minute. An IPv6 address counts with its /64, which one host may have for
/// itself.
///
/// Memory and time are constant, whatever comes from how many addresses. Failures are logged at once, and then once a minute with their number.
///
/// A key that is known must not be held up by others at the same address: a proxy may be all that is seen of many clients. Ask after a failure, not before a
/// lookup that costs as little.
pub struct FailedLogins {
    /// In each bucket the time at which it is empty again, by the clock.
    buckets: Box<[AtomicU64]>,
    seed: RandomState,
    /// Milliseconds since some time. Never goes back.
    clock: Box<dyn Fn() -> u64 + Send + Sync>,
    log: Arc<Log>,
}

/// What is yet to be logged.
struct Log {
    unlogged: Mutex<Unlogged>,
    period: Duration,
}

#[derive(Default)]
struct Unlogged {
    failures: u64,
    last: Option<IpAddr>,
    /// Somebody will log it.
    is_due: bool,
}

impl FailedLogins {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        let begin = Instant::now();
        Self::by(move || ms(begin.elapsed()), LOGGED)
    }

    fn by(clock: impl Fn() -> u64 + Send + Sync + 'static, period: Duration) -> Self {
        let buckets = (0..BUCKETS).map(|_| AtomicU64::new(0)).collect();
        let log = Arc::new(Log { unlogged: Mutex::default(), period });
        Self { buckets, seed: RandomState::new(), clock: Box::new(clock), log }
    }

    /// Whether an address may try.
    ///
    /// # Errors
    ///
    /// It had too many failures: in so long it may have another.
    pub fn check(&self, address: IpAddr) -> Result<(), Duration> {
        let now = (self.clock)();
        allowed(self.bucket(address).load(Ordering::Relaxed), now)
    }

    /// Counts a failed login, also for the log.
    ///
    /// # Errors
    ///
    /// There are too many from this address: in so long it may have another.
    pub fn failed(&self, address: IpAddr) -> Result<(), Duration> {
        self.log.count(address);
        let (bucket, now) = (self.bucket(address), (self.clock)());
        let mut empty_at = bucket.load(Ordering::Relaxed);
        loop {
            // What comes while it is full does not make it fuller: the wait is never longer than one refill.
            allowed(empty_at, now)?;
            let next = empty_at.max(now) + ms(REFILL);
            match bucket.compare_exchange_weak(empty_at, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Ok(()),
                Err(found) => empty_at = found,
            }
        }
    }

    fn bucket(&self, address: IpAddr) -> &AtomicU64 {
        let hash = self.seed.hash_one(network(address));
        &self.buckets[hash as usize % BUCKETS]
    }
}

impl Default for FailedLogins {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for FailedLogins {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FailedLogins").finish_non_exhaustive()
    }
}

/// Whether a bucket that is empty at this time has room for one more now. Otherwise: in how long.
fn allowed(empty_at: u64, now: u64) -> Result<(), Duration> {
    let full_from = (BURST - 1) * ms(REFILL);
    match empty_at.saturating_sub(now).checked_sub(full_from) {
        None | Some(0) => Ok(()),
        Some(wait) => Err(Duration::from_millis(wait)),
    }
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What one host may have for itself: an IPv4 address, or an IPv6 network of 64 bits.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() & !u128::from(u64::MAX)).into()),
        v4 => v4,
    }
}

impl Log {
    fn count(self: &Arc<Self>, address: IpAddr) {
        let mut unlogged = self.unlogged();
        unlogged.failures += 1;
        unlogged.last = Some(address);
        if unlogged.is_due {
            return;
        }
        // Outside a runtime, as in a test, nobody would log what follows.
        if let Ok(runtime) = Handle::try_current() {
            unlogged.is_due = true;
            runtime.spawn(log_each_period(Arc::downgrade(self), self.period));
        }
        unlogged.log();
    }

    fn unlogged(&self) -> std::sync::MutexGuard<'_, Unlogged> {
        self.unlogged.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Unlogged {
    /// Logs what there is. Returns whether there was anything.
    fn log(&mut self) -> bool {
        let Some(last) = self.last.take() else { return false };
        let failures = std::mem::take(&mut self.failures);
        tracing::warn!(failures, last_from = %network(last), "logins failed: the key or token is not valid");
        true
    }
}

/// Logs what fails, once in each period, until one without a failure.
async fn log_each_period(log: Weak<Log>, period: Duration) {
    loop {
        tokio::time::sleep(period).await;
        let Some(log) = log.upgrade() else { return };
        let mut unlogged = log.unlogged();
        if !unlogged.log() {
            unlogged.is_due = false;
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    /// With a clock that the test sets.
    fn logins() -> (FailedLogins, Arc<AtomicU64>) {
        let clock = Arc::new(AtomicU64::new(1));
        let time = Arc::clone(&clock);
        (FailedLogins::by(move || time.load(Ordering::Relaxed), LOGGED), clock)
    }

    #[test]
    fn an_address_has_ten_failures_at_once_and_then_ten_a_minute() {
        let ((logins, clock), from) = (logins(), address("192.0.2.1"));
        for _ in 0..10 {
            assert_eq!((logins.check(from), logins.failed(from)), (Ok(()), Ok(())));
        }
        assert_eq!(logins.check(from), Err(REFILL));
        for _ in 0..10_000 {
            assert_eq!(logins.failed(from), Err(REFILL));
        }
        clock.fetch_add(5_999, Ordering::Relaxed);
        assert_eq!(logins.failed(from), Err(Duration::from_millis(1)));
        clock.fetch_add(1, Ordering::Relaxed);
        assert_eq!((logins.failed(from), logins.failed(from)), (Ok(()), Err(REFILL)));
        clock.fetch_add(60_000, Ordering::Relaxed);
        assert!((0..10).all(|_| logins.failed(from).is_ok()));
        assert!(logins.failed(from).is_err());
    }

    #[test]
    fn other_addresses_are_not_held_up_and_a_network_of_one_host_is_one_address() {
        let (logins, _) = logins();
        for host in 0..11_u128 {
            let one = Ipv6Addr::from(0x2001_0db8_0000_0000_0000_0000_0000_0000 + host);
            let _ = logins.failed(one.into());
        }
        assert!(logins.check(address("2001:db8::ffff")).is_err());
        assert!(logins.check(address("2001:db8:0:1::1")).is_ok());
        for _ in 0..11 {
            let _ = logins.failed(address("192.0.2.1"));
        }
        assert!(logins.check(address("::ffff:192.0.2.1")).is_err());
        assert!(logins.check(address("192.0.2.2")).is_ok());
    }

    #[test]
    fn a_million_addresses_take_no_more_memory_than_one() {
        let (logins, _) = logins();
        for number in 0..1_000_000_u32 {
            let _ = logins.failed(IpAddr::V4(number.into()));
        }
        assert_eq!(size_of_val(&*logins.buckets), 512 << 10);
    }

    #[tokio::test]
    async fn failures_are_logged_at_once_and_then_once_in_each_period() {
        let period = Duration::from_millis(200);
        let (logins, from) = (FailedLogins::by(|| 1, period), address("192.0.2.1"));
        let waiting = || {
            let unlogged = logins.log.unlogged();
            (unlogged.failures, unlogged.is_due)
        };
        for _ in 0..10_000 {
            let _ = logins.failed(from);
        }
        assert_eq!(waiting(), (9_999, true));
        tokio::time::sleep(period * 3 / 2).await;
        assert_eq!(waiting(), (0, true));
        let _ = logins.failed(from);
        assert_eq!(waiting(), (1, true));
        tokio::time::sleep(period * 3).await;
        assert_eq!(waiting(), (0, false));
        let _ = logins.failed(from);
        assert_eq!(waiting(), (0, true));
    }
}
