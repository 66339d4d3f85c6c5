//! How often servers were called.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// The window of `calls_per_minute`.
const WINDOW: Duration = Duration::from_secs(60);

/// The calls of the last minute, by server. One for a gateway; it holds at most 60 numbers for each server with a limit.
#[derive(Debug, Default)]
pub struct Rates {
    servers: HashMap<String, VecDeque<(u64, u32)>>,
}

impl Rates {
    /// Counts a call at `now`, unless that would be more than `most` in the window. Then: how long to wait.
    ///
    /// Calls are counted by the second in which they were made, so the window may be up to a second longer than a minute.
    pub(crate) fn take(&mut self, server: &str, most: u32, now: Duration) -> Result<(), Duration> {
        let second = now.as_secs();
        let calls = self.servers.entry(server.to_owned()).or_default();
        while calls.front().is_some_and(|&(at, _)| at + WINDOW.as_secs() < second) {
            calls.pop_front();
        }
        if calls.iter().map(|&(_, count)| count).sum::<u32>() >= most {
            let first = calls.front().map_or(second, |&(at, _)| at);
            return Err(Duration::from_secs(first + WINDOW.as_secs() + 1).saturating_sub(now));
        }
        match calls.back_mut() {
            // A clock that goes back must not let more through.
            Some((at, count)) if *at >= second => *count += 1,
            _ => calls.push_back((second, 1)),
        }
        Ok(())
    }
}

/// What one run has called so far, by server.
#[derive(Debug, Default)]
pub struct Spent {
    calls: HashMap<String, u64>,
}

impl Spent {
    pub(crate) fn calls(&self, server: &str) -> u64 {
        self.calls.get(server).copied().unwrap_or_default()
    }

    pub(crate) fn count(&mut self, server: &str) {
        *self.calls.entry(server.to_owned()).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_window_of_a_minute_holds_more_than_the_limit() {
        let mut rates = Rates::default();
        let mut made: Vec<u64> = Vec::new();
        for millis in (0..300_000).step_by(170) {
            if rates.take("crm", 20, Duration::from_millis(millis)).is_ok() {
                made.push(millis);
            }
        }
        assert!(made.len() >= 80, "{}", made.len());
        for (place, &first) in made.iter().enumerate() {
            let within = made[place..].iter().take_while(|&&at| at < first + 60_000).count();
            assert!(within <= 20, "{within} calls in the minute after {first} ms");
        }
    }

    #[test]
    fn the_wait_that_is_told_is_long_enough_and_no_longer() {
        let mut rates = Rates::default();
        let at = Duration::from_millis;
        rates.take("crm", 1, at(500)).unwrap();
        let wait = rates.take("crm", 1, at(10_250)).unwrap_err();
        assert_eq!(wait, at(50_750));
        assert!(rates.take("crm", 1, at(10_250) + wait - at(300)).is_err());
        assert!(rates.take("crm", 1, at(10_250) + wait).is_ok());
        assert!(rates.take("other", 1, at(10_250)).is_ok());
    }

    #[test]
    fn a_clock_that_goes_back_lets_nothing_more_through() {
        let mut rates = Rates::default();
        assert!(rates.take("crm", 2, Duration::from_secs(100)).is_ok());
        assert!(rates.take("crm", 2, Duration::from_secs(10)).is_ok());
        assert!(rates.take("crm", 2, Duration::from_secs(10)).is_err());
    }
}
