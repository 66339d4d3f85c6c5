//! Exponential backoff.

use std::time::Duration;

/// Pauses that double from the first to the longest.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Backoff {
    /// The pause after the first failure.
    pub(crate) first: Duration,
    /// No pause is longer.
    pub(crate) longest: Duration,
}

impl Backoff {
    /// The pause after this many failures in a row. `jitter` is any number, best a random one: it takes away up to half of the
    /// pause, so that what failed together does not come back together.
    pub(crate) fn pause(self, failures: u32, jitter: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(20);
        let whole = self.first.saturating_mul(1 << doublings).min(self.longest);
        whole - whole.mul_f64(f64::from(jitter) / f64::from(u32::MAX) / 2.0)
    }
}

/// A random number for [`Backoff::pause`]. Where the system has none, pauses are whole.
pub(crate) fn jitter() -> u32 {
    getrandom::u32().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let backoff = Backoff { first: Duration::from_millis(100), longest: Duration::from_secs(30) };
        let pauses: Vec<u128> = [0, 1, 2, 3, 9, 10, 30, u32::MAX].map(|n| backoff.pause(n, 0).as_millis()).into();
        assert_eq!(pauses, [100, 100, 200, 400, 25_600, 30_000, 30_000, 30_000]);
    }

    #[test]
    fn jitter_takes_away_half_at_most() {
        let backoff = Backoff { first: Duration::from_millis(100), longest: Duration::from_secs(30) };
        assert_eq!(backoff.pause(1, u32::MAX).as_millis(), 50);
        for jitter in (0..u32::MAX).step_by(1 << 20) {
            assert!((50..=100).contains(&backoff.pause(1, jitter).as_millis()));
        }
    }
}
