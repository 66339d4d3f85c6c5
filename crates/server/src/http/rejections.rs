//! Responses with 503 because a limit was reached: counted, and logged at a limited rate.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::mistakes::Mistakes;

/// The time between two lines of the log about one bound.
const PAUSE: Duration = Duration::from_secs(10);

/// Refusals by the bounds that caused them.
#[derive(Debug)]
pub(super) struct RejectionCounters {
    pub(super) connections: RejectionCounter,
    pub(super) sessions: RejectionCounter,
    pub(super) bodies: RejectionCounter,
    /// What clients do wrong.
    pub(super) mistakes: Arc<Mistakes>,
}

/// Refusals by one bound.
#[derive(Debug)]
pub(super) struct RejectionCounter {
    /// Where an operator would look for it.
    bound: &'static str,
    count: AtomicU64,
    last_logged: Mutex<LastLogged>,
}

#[derive(Debug, Default)]
struct LastLogged {
    at: Option<Instant>,
    count: u64,
}

impl Default for RejectionCounters {
    fn default() -> Self {
        Self {
            connections: RejectionCounter::by("listen.connections"),
            sessions: RejectionCounter::by("listen.sessions"),
            bodies: RejectionCounter::by("bodies of requests, 64 MiB"),
            mistakes: Arc::default(),
        }
    }
}

impl RejectionCounters {
    /// The counts as OpenMetrics, without its end.
    pub(super) fn text(&self) -> String {
        let mut text =
            "# HELP exuvia_http_requests_rejected Connections and requests rejected with 503 because a limit was reached.\n\
                        # TYPE exuvia_http_requests_rejected counter\n"
                .to_owned();
        let all = [("connections", &self.connections), ("sessions", &self.sessions), ("bodies", &self.bodies)];
        for (bound, refused) in all {
            let count = refused.count.load(Ordering::Relaxed);
            text.push_str(&format!("exuvia_http_requests_rejected_total{{bound=\"{bound}\"}} {count}\n"));
        }
        text + &self.mistakes.text()
    }
}

impl RejectionCounter {
    fn by(bound: &'static str) -> Self {
        Self { bound, count: AtomicU64::new(0), last_logged: Mutex::default() }
    }

    /// Another one.
    pub(super) fn note(&self) {
        let count = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        let mut last_logged = self.last_logged.lock().unwrap_or_else(PoisonError::into_inner);
        if last_logged.at.is_none_or(|at| at.elapsed() >= PAUSE) {
            let since = count.saturating_sub(last_logged.count);
            tracing::warn!(bound = self.bound, requests = since, "requests rejected with 503: limit reached");
            *last_logged = LastLogged { at: Some(Instant::now()), count };
        }
    }
}
