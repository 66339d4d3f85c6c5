//! The circuit breaker of a lane. A state machine without a clock: time is an argument.
//!
//! | state | calls | becomes |
//! |---|---|---|
//! | closed | pass; a connection is opened after the pause that the last failure earned | open at the 5th failure in a row |
//! | open, until a moment | fail at once | half-open at the first call after that moment |
//! | half-open | one passes, the probe; the others wait for what comes of it | closed by an answer, open by a failure |
//!
//! What counts as a failure: a connection that broke off, or that could not be opened within `start_timeout`; a request that
//! met a failing HTTP server; a server that was found to answer nothing any more. What counts as an answer: whatever the server
//! says to a call, be it that the tool failed.
//!
//! A call that is not answered in its time is neither. One slow tool says nothing of its server, and the time was the caller's
//! choice; what says something is a server that leaves several calls unanswered and nothing else comes from it: see
//! [`Lane`](super::lane::Lane). The same holds for a probe: one that ends without an answer lets the next call be the probe, and
//! one that takes long lets another one beside it.

use std::time::{Duration, Instant};

use super::backoff::Backoff;

/// So many failures in a row open a breaker.
pub(crate) const OPENS_AFTER: u32 = 5;
/// The pauses between the failures of a server: before it is connected to again, and for which its breaker is open.
pub(crate) const PAUSES: Backoff = Backoff { first: Duration::from_millis(100), longest: Duration::from_secs(30) };
/// A probe without an outcome for so long may be a slow tool: one more call is admitted.
pub(crate) const PROBE_PATIENCE: Duration = Duration::from_secs(10);

/// The breaker of one [`Lane`](super::lane::Lane).
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    state: State,
    /// In a row.
    failures: u32,
    last_failure: Option<Instant>,
    probes: u64,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Closed,
    Open {
        until: Instant,
    },
    HalfOpen {
        probe: u64,
        since: Instant,
    },
}

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BreakerDecision {
    /// It passes.
    Pass,
    /// It passes as the probe of this number. The caller must report its outcome, or that it was abandoned.
    Probe(u64),
    /// A probe is in flight: its outcome decides, or this moment.
    Wait { until: Instant },
    /// It fails. Until this moment so does every other one.
    Refuse { until: Instant },
}

impl Breaker {
    /// A call wants to pass.
    pub(crate) fn admit(&mut self, now: Instant) -> BreakerDecision {
        match self.state {
            State::Closed => BreakerDecision::Pass,
            State::Open { until } if now < until => BreakerDecision::Refuse { until },
            State::HalfOpen { since, .. } if now < since + PROBE_PATIENCE => {
                BreakerDecision::Wait { until: since + PROBE_PATIENCE }
            }
            State::Open { .. } | State::HalfOpen { .. } => {
                self.probes += 1;
                self.state = State::HalfOpen { probe: self.probes, since: now };
                BreakerDecision::Probe(self.probes)
            }
        }
    }

    /// The server answered. Tells whether that changes what calls may do.
    pub(crate) fn succeeded(&mut self) -> bool {
        self.failures = 0;
        self.last_failure = None;
        std::mem::take(&mut self.state) != State::Closed
    }

    /// Something that had begun at `began` failed. What had begun before the last failure fails with that, and is not counted.
    /// Tells whether it was.
    pub(crate) fn failed(&mut self, began: Instant, now: Instant, jitter: u32) -> bool {
        if self.last_failure.is_some_and(|last| began < last) {
            return false;
        }
        self.failures = self.failures.saturating_add(1);
        self.last_failure = Some(now);
        if self.failures >= OPENS_AFTER {
            self.state = State::Open { until: now + PAUSES.pause(self.failures, jitter) };
        }
        true
    }

    /// The probe of this number ended without telling anything of the server: the next call may be one.
    pub(crate) fn given_up(&mut self, probe: u64, now: Instant) {
        if matches!(self.state, State::HalfOpen { probe: current, .. } if current == probe) {
            self.state = State::Open { until: now };
        }
    }

    /// When a connection may be opened: never at once after a failure.
    pub(crate) fn opens_at(&self, now: Instant, jitter: u32) -> Instant {
        match (self.state, self.last_failure) {
            (State::Closed, Some(last)) => now.max(last + PAUSES.pause(self.failures, jitter)),
            // An open breaker was the pause.
            _ => now,
        }
    }

    /// Failures in a row.
    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }

    /// Whether calls pass.
    pub(crate) fn is_closed(&self) -> bool {
        self.state == State::Closed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn failing(failures: u32, now: Instant) -> Breaker {
        let mut breaker = Breaker::default();
        for _ in 0..failures {
            assert!(breaker.failed(now, now, 0));
        }
        breaker
    }

    #[test]
    fn a_few_failures_pause_and_do_not_open() {
        let now = Instant::now();
        for failures in 0..OPENS_AFTER {
            let mut breaker = failing(failures, now);
            assert_eq!(breaker.admit(now), BreakerDecision::Pass);
            let pause = if failures == 0 { 0 } else { 100 << (failures - 1) };
            assert_eq!(breaker.opens_at(now, 0), now + pause * MS);
            assert_eq!(breaker.opens_at(now + 9000 * MS, 0), now + 9000 * MS);
        }
    }

    #[test]
    fn the_fifth_failure_in_a_row_opens() {
        let now = Instant::now();
        let mut breaker = failing(OPENS_AFTER - 1, now);
        breaker.succeeded();
        assert_eq!(breaker.failures(), 0);
        let mut breaker = failing(OPENS_AFTER, now);
        let until = now + 1600 * MS;
        assert_eq!(breaker.admit(now), BreakerDecision::Refuse { until });
        assert_eq!(breaker.admit(until - MS), BreakerDecision::Refuse { until });
        assert_eq!(breaker.admit(until), BreakerDecision::Probe(1));
    }

    #[test]
    fn one_outage_is_one_failure_however_many_calls_it_ends() {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        let counted = (1..=50).filter(|&n| breaker.failed(now, now + n * MS, 0)).count();
        assert_eq!((counted, breaker.failures()), (1, 1));
        assert!(breaker.failed(now + MS, now + 60 * MS, 0));
    }

    #[test]
    fn a_probe_decides() {
        let now = Instant::now();
        let mut breaker = failing(OPENS_AFTER, now);
        let probed = now + 1600 * MS;
        assert_eq!(breaker.admit(probed), BreakerDecision::Probe(1));
        assert_eq!(breaker.opens_at(probed, 0), probed, "no further pause");
        assert_eq!(breaker.admit(probed + MS), BreakerDecision::Wait { until: probed + PROBE_PATIENCE });
        assert!(breaker.failed(probed, probed + 5 * MS, 0));
        let until = probed + 3205 * MS;
        assert_eq!(breaker.admit(probed + 6 * MS), BreakerDecision::Refuse { until });
        assert_eq!(breaker.admit(until), BreakerDecision::Probe(2));
        assert!(breaker.succeeded());
        assert!(!breaker.succeeded());
        assert_eq!((breaker.admit(until), breaker.failures()), (BreakerDecision::Pass, 0));
    }

    #[test]
    fn a_probe_without_an_outcome_frees_its_place() {
        let now = Instant::now();
        let mut breaker = failing(OPENS_AFTER, now);
        let probed = now + 1600 * MS;
        assert_eq!(breaker.admit(probed), BreakerDecision::Probe(1));
        breaker.given_up(1, probed + MS);
        assert_eq!(breaker.admit(probed + MS), BreakerDecision::Probe(2));
        breaker.given_up(1, probed + 2 * MS);
        assert!(matches!(breaker.admit(probed + 2 * MS), BreakerDecision::Wait { .. }), "an older probe has no say");
        // A slow one gets company.
        let late = probed + MS + PROBE_PATIENCE;
        assert_eq!(breaker.admit(late), BreakerDecision::Probe(3));
        assert!(matches!(breaker.admit(late), BreakerDecision::Wait { .. }));
        breaker.succeeded();
        breaker.given_up(3, late);
        assert!(breaker.is_closed());
    }

    /// All histories of a few steps, each as likely as any other: at no time are two probes let through within the patience, and
    /// no call waits or is refused for longer than the longest pause.
    #[test]
    fn no_history_breaks_the_promises() {
        let start = Instant::now();
        for history in 0..5_u32.pow(8) {
            let mut breaker = failing(OPENS_AFTER - 1, start);
            let (mut now, mut steps, mut probe) = (start, history, None);
            for _ in 0..8 {
                match steps % 5 {
                    0 => now += 4000 * MS,
                    1 => {
                        breaker.failed(now, now, history);
                        probe = None;
                    }
                    2 => {
                        breaker.succeeded();
                        probe = None;
                    }
                    3 => {
                        if let Some((number, _)) = probe.take() {
                            breaker.given_up(number, now);
                        }
                    }
                    _ => match breaker.admit(now) {
                        BreakerDecision::Probe(number) => {
                            assert!(probe.is_none_or(|(_, since)| now >= since + PROBE_PATIENCE));
                            probe = Some((number, now));
                        }
                        BreakerDecision::Wait { until } => assert!(probe.is_some() && until <= now + PROBE_PATIENCE),
                        BreakerDecision::Refuse { until } => {
                            assert!(breaker.failures() >= OPENS_AFTER && until <= now + PAUSES.longest);
                        }
                        BreakerDecision::Pass => assert!(breaker.failures() < OPENS_AFTER),
                    },
                }
                steps /= 5;
            }
        }
    }
}
