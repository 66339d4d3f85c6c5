//! Calls that are made again, because they failed for what passes and change nothing: whether, and after how long.
//!
//! A tool that its server declares read-only or idempotent, or that the operator lists as repeatable, has no further effect when it is
//! called again. Every attempt is a
//! call of its own for the policy and the journal: authorized, counted and recorded anew.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use exuvia_tool::{CallError, Deadline, ToolAnnotations};

/// How often calls of one run are made again, all together: a server that is down costs a run a few seconds, whatever it calls.
const OF_RUN: u32 = 20;
/// How long the first pause is; each further one is twice as long.
const FIRST: Duration = Duration::from_millis(250);
/// The longest pause, whatever the server asks for.
const LONGEST: Duration = Duration::from_secs(10);
/// How far into a text a reason is looked for, in bytes.
const LOOKED_AT: usize = 2_000;

/// What texts say of a failure that passes, in lower case.
const PASSING: [&str; 9] = [
    "http 429",
    "http 503",
    "status 429",
    "status code 429",
    "status code 503",
    "429 too many requests",
    "rate limit",
    "too many requests",
    "503 service unavailable",
];
/// What texts say of a server that is of no use for longer: its circuit breaker is open, or a credential is missing or refused.
const LASTING: [&str; 2] = ["circuit breaker", "ask the operator"];
/// What stands before the number of seconds to wait, in lower case.
const AFTER: [&str; 4] = ["retry after ", "retry-after: ", "retry in ", "try again in "];

/// How often the calls of one run may still be made again.
#[derive(Debug)]
pub(crate) struct RetryBudget(AtomicU32);

impl Default for RetryBudget {
    fn default() -> Self {
        Self(AtomicU32::new(OF_RUN))
    }
}

impl RetryBudget {
    /// How long to wait before a call is made again that failed `attempts` times, the last time with `error`. None: it is not. It is
    /// at most `most` times.
    pub(crate) fn pause(&self, error: &CallError, attempts: u32, most: u32, deadline: &Deadline) -> Option<Duration> {
        let asked = passing(error)?;
        let pause = asked.unwrap_or_else(|| FIRST.saturating_mul(1 << attempts.saturating_sub(1).min(8)));
        let left = deadline.at().saturating_duration_since(Instant::now());
        if attempts > most || pause > LONGEST || pause >= left {
            return None;
        }
        let less = |left: u32| left.checked_sub(1);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok().then_some(pause)
    }
}

/// Whether its server says that calling a tool again changes nothing more: its word about its own tool.
pub(crate) fn is_repeatable(annotations: ToolAnnotations) -> bool {
    annotations.read_only == Some(true) || annotations.idempotent == Some(true)
}

/// Whether a failure passes, and after how long if it says so.
fn passing(error: &CallError) -> Option<Option<Duration>> {
    match error {
        // Lost, overloaded, or not there for the moment. What the circuit breaker refuses comes back when it closes.
        CallError::UpstreamUnavailable(text) if !LASTING.iter().any(|words| text.contains(words)) => Some(asked(text)),
        CallError::ToolFailed { message, .. } => {
            let head = message[..message.floor_char_boundary(LOOKED_AT)].to_ascii_lowercase();
            PASSING.iter().any(|reason| head.contains(reason)).then(|| asked(&head))
        }
        _ => None,
    }
}

/// The time that a text asks for: `retry after 3 s`.
fn asked(text: &str) -> Option<Duration> {
    let text = text[..text.floor_char_boundary(LOOKED_AT)].to_ascii_lowercase();
    let behind = AFTER.iter().find_map(|words| text.split_once(words)).map(|(_, behind)| behind)?;
    let end = behind.find(|character: char| !character.is_ascii_digit() && character != '.').unwrap_or(behind.len());
    let number: f64 = behind[..end].trim_end_matches('.').parse().ok()?;
    let is_ms = behind[end..].trim_start().starts_with("ms");
    Duration::try_from_secs_f64(if is_ms { number / 1_000.0 } else { number }).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(message: &str) -> CallError {
        CallError::ToolFailed { message: message.to_owned(), data: None }
    }

    fn soon() -> Deadline {
        Deadline::after(Instant::now(), Duration::from_secs(30))
    }

    #[test]
    fn what_passes_is_waited_for_as_long_as_it_says() {
        let seconds = Duration::from_secs;
        for (error, expected) in [
            (failed("Rate limit exceeded, try again in 3 s"), Some(seconds(3))),
            (failed("status code 429"), Some(FIRST)),
            (
                CallError::UpstreamUnavailable("server x answered with HTTP 503 (retry after 2 s); x".into()),
                Some(seconds(2)),
            ),
            (CallError::UpstreamUnavailable("server x ended the connection".into()), Some(FIRST)),
            (failed("HTTP 429, retry after 500 ms."), Some(Duration::from_millis(500))),
            (failed("Too many requests: retry in 3600 s"), None),
            (CallError::UpstreamUnavailable("server x: circuit breaker open; retry in 2 s".into()), None),
            (CallError::UpstreamUnavailable("server x refuses your login; ask the operator to ..".into()), None),
            (failed("no such table"), None),
            (failed("429 rows"), None),
            (CallError::TimedOut(5), None),
            (CallError::Denied("rate limit".into()), None),
        ] {
            assert_eq!(RetryBudget::default().pause(&error, 1, 3, &soon()), expected, "{error}");
        }
    }

    #[test]
    fn attempts_are_bounded_by_call_by_run_and_by_deadline() {
        let (budget, error) = (RetryBudget::default(), failed("rate limit"));
        let pauses: Vec<_> = (1..=4).map(|attempts| budget.pause(&error, attempts, 3, &soon())).collect();
        assert_eq!(pauses, [Some(FIRST), Some(FIRST * 2), Some(FIRST * 4), None]);
        let more = (0..100).filter(|_| budget.pause(&error, 1, 3, &soon()).is_some()).count();
        assert_eq!(more, OF_RUN as usize - 3);
        let over = Deadline::after(Instant::now(), Duration::from_millis(50));
        assert_eq!(RetryBudget::default().pause(&error, 1, 3, &over), None);
        assert_eq!(RetryBudget::default().pause(&error, 1, 0, &soon()), None);
    }
}
