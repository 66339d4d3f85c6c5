//! Errors that clients make: counted, and logged at a low level. An operator can do nothing about them, so they are no warnings,
//! however often a client repeats them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rmcp::ErrorData;

use crate::invalid_message::{CODES, kind};

/// The time between two lines of the log.
const PAUSE: Duration = Duration::from_secs(60);

/// The messages of clients that were refused, by their errors.
#[derive(Debug, Default)]
pub(crate) struct Mistakes {
    counts: [AtomicU64; CODES.len()],
    told: Mutex<Option<Instant>>,
}

impl Mistakes {
    /// A client is answered with this error. Each is logged at `debug`, and their number once in a while at `info`.
    pub(crate) fn note(&self, error: &ErrorData) {
        let Some(kind) = kind(error.code) else { return };
        self.counts[kind].fetch_add(1, Ordering::Relaxed);
        tracing::debug!(code = error.code.0, "client message rejected");
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_none_or(|at| at.elapsed() >= PAUSE) {
            let all: u64 = self.counts.iter().map(|count| count.load(Ordering::Relaxed)).sum();
            tracing::info!(code = error.code.0, so_far = all, "client messages rejected");
            *told = Some(Instant::now());
        }
    }

    /// The counts as OpenMetrics, without its end.
    pub(crate) fn text(&self) -> String {
        let mut text = "# HELP exuvia_client_mistakes Client messages answered with a client error.\n\
                        # TYPE exuvia_client_mistakes counter\n"
            .to_owned();
        for ((_, name), count) in CODES.iter().zip(&self.counts) {
            let count = count.load(Ordering::Relaxed);
            text.push_str(&format!("exuvia_client_mistakes_total{{error=\"{name}\"}} {count}\n"));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_counted_by_their_errors() {
        let mistakes = Mistakes::default();
        for _ in 0..20 {
            mistakes.note(&ErrorData::parse_error("no JSON", None));
        }
        mistakes.note(&ErrorData::invalid_params("no name", None));
        mistakes.note(&ErrorData::internal_error("ours", None));
        let text = mistakes.text();
        for line in
            ["{error=\"parse-error\"} 20\n", "{error=\"invalid-params\"} 1\n", "{error=\"invalid-request\"} 0\n"]
        {
            assert!(text.contains(line), "{text}");
        }
    }
}
