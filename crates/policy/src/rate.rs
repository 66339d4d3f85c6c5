//! Counters for limits on calls per run and per minute.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// The window of `calls_per_minute`.
const WINDOW: Duration = Duration::from_secs(60);

/// The calls of the last minute, by server. One for a gateway; it holds at most 60 numbers for each server with a limit.
#[derive(Debug, Default)]
pub struct RateWindows {
    servers: HashMap<String, VecDeque<(u64, u32)>>,
}

impl RateWindows {
    /// Counts a call at `now`, unless that would be more than `most` in the window.
    ///
    /// Calls are counted by the second in which they were made, so the window may be up to a second longer than a minute.
    ///
    /// # Errors
    ///
    /// How long to wait.
    pub fn take(&mut self, server: &str, most: u32, now: Duration) -> Result<(), Duration> {
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
pub struct RunCallCounts {
    calls: HashMap<String, u64>,
}

impl RunCallCounts {
    /// Counts a call that a run made before it was brought back.
    pub fn count(&mut self, server: &str) {
        *self.calls.entry(server.to_owned()).or_default() += 1;
    }

    /// Counts a call. Returns `most` as the error if that would be more.
    pub(crate) fn take(&mut self, server: &str, most: Option<u64>) -> Result<(), u64> {
        let calls = self.calls.entry(server.to_owned()).or_default();
        if let Some(most) = most
            && *calls >= most
        {
            return Err(most);
        }
        *calls += 1;
        Ok(())
    }

    /// A call that was counted is not made.
    pub(crate) fn give_back(&mut self, server: &str) {
        if let Some(calls) = self.calls.get_mut(server) {
            *calls = calls.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_window_of_a_minute_holds_more_than_the_limit() {
        let mut rates = RateWindows::default();
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
    fn no_window_holds_more_whatever_the_pace_and_none_is_refused_without_need() {
        // Gaps between tries, in tenths of a second: even, in bursts, after long pauses.
        for gaps in [
            &[1][..],
            &[599, 1, 1, 1, 1],
            &[600, 0, 0, 0],
            &[611, 5, 300, 300],
            &[7, 0, 0, 0, 0, 0, 0, 1200],
            &[0, 0, 0, 61],
        ] {
            let (mut rates, mut made, mut now) = (RateWindows::default(), Vec::<u64>::new(), 0);
            for gap in gaps.iter().cycle().take(2_000) {
                now += gap * 100;
                let within = |ms: u64| made.iter().filter(|&&at| at + ms > now).count();
                let (least, most) = (within(60_000), within(62_000));
                match rates.take("crm", 4, Duration::from_millis(now)) {
                    Ok(()) => {
                        assert!(least < 4, "{gaps:?}: {least} calls in the minute before {now} ms");
                        made.push(now);
                    }
                    Err(wait) => {
                        assert!(most >= 4, "{gaps:?}: refused at {now} ms after {most} calls");
                        assert!(!wait.is_zero() && wait <= Duration::from_secs(61), "{wait:?}");
                    }
                }
            }
            assert!(made.len() > 10, "{gaps:?}: {}", made.len());
        }
    }

    #[test]
    fn what_is_kept_of_a_server_does_not_grow() {
        let mut rates = RateWindows::default();
        for second in 0..10_000 {
            rates.take("crm", 1_000_000, Duration::from_secs(second)).unwrap();
            rates.take("crm", 1_000_000, Duration::from_secs(second)).unwrap();
        }
        assert_eq!(rates.servers["crm"].len(), 61);
    }

    #[test]
    fn the_retry_after_is_long_enough_and_no_longer() {
        let mut rates = RateWindows::default();
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
        let mut rates = RateWindows::default();
        assert!(rates.take("crm", 2, Duration::from_secs(100)).is_ok());
        assert!(rates.take("crm", 2, Duration::from_secs(10)).is_ok());
        assert!(rates.take("crm", 2, Duration::from_secs(10)).is_err());
    }
}
