//! Notifications that fail: counted, and logged at once and then once a minute with their number.

use std::sync::{Mutex, Weak};
use std::time::{Duration, Instant};

use exuvia_gateway::Gateway;
use exuvia_tool::locked;

/// How often they are logged.
const EACH: Duration = Duration::from_secs(60);

pub(super) struct Failures {
    gateway: Weak<Gateway>,
    unlogged: Mutex<Unlogged>,
}

#[derive(Default)]
struct Unlogged {
    failures: u64,
    logged: Option<Instant>,
}

impl Failures {
    pub(super) fn new(gateway: Weak<Gateway>) -> Self {
        Self { gateway, unlogged: Mutex::default() }
    }

    /// A notification failed, and is tried again.
    pub(super) fn failed(&self, by: &str, why: &str) {
        if let Some(failures) = locked(&self.unlogged).due(Instant::now()) {
            tracing::warn!(by, why, failures, "notification of an approval failed");
        }
    }

    /// A notification failed, and reaches nobody.
    pub(super) fn lost(&self, by: &str, why: &str) {
        if let Some(gateway) = self.gateway.upgrade() {
            gateway.approval_notification_lost();
        }
        self.failed(by, why);
    }
}

#[cfg(test)]
impl Failures {
    /// How many there were since the last line in the log.
    pub(super) fn unlogged(&self) -> u64 {
        locked(&self.unlogged).failures
    }
}

impl Unlogged {
    /// Counts one more. How many there were since the last line, if the next line is due.
    fn due(&mut self, now: Instant) -> Option<u64> {
        self.failures += 1;
        if self.logged.is_some_and(|logged| now.duration_since(logged) < EACH) {
            return None;
        }
        self.logged = Some(now);
        Some(std::mem::take(&mut self.failures))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_logged_at_once_and_then_once_a_minute_with_their_number() {
        let (mut unlogged, begun) = (Unlogged::default(), Instant::now());
        let lines: Vec<_> = (0..=120).map(|second| unlogged.due(begun + Duration::from_secs(second))).collect();
        let logged: Vec<_> = lines.iter().enumerate().filter_map(|(second, line)| Some((second, (*line)?))).collect();
        assert_eq!(logged, [(0, 1), (60, 60), (120, 60)]);
    }
}
