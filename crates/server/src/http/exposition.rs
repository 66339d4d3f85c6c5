//! The metrics as text: OpenMetrics, or the older Prometheus format for clients that accept `text/plain`.

use std::collections::HashSet;

use bytes::Bytes;
use exuvia_gateway::METRICS_MEDIA_TYPE;
use http::{HeaderMap, Response, StatusCode};

use super::media::accepts;
use super::rejections::RejectionCounters;
use super::tracked_body::{TrackedBody, with_body};
use crate::PendingGateway;

/// What ends OpenMetrics.
const END: &str = "# EOF\n";
const PLAIN_MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What clients have open.
#[derive(Debug, Clone, Copy)]
pub(super) struct OpenNow {
    /// Sessions of clients up to 2025-11-25.
    pub(super) sessions: usize,
    /// Questions of servers that no client has answered.
    pub(super) questions: usize,
}

impl OpenNow {
    /// As OpenMetrics, without its end.
    fn text(self) -> String {
        let Self { sessions, questions } = self;
        format!(
            "# HELP exuvia_http_sessions Open sessions of clients up to protocol 2025-11-25.\n\
             # TYPE exuvia_http_sessions gauge\nexuvia_http_sessions {sessions}\n\
             # HELP exuvia_questions_open Questions of direct servers that await an answer.\n\
             # TYPE exuvia_questions_open gauge\nexuvia_questions_open {questions}\n"
        )
    }
}

/// The counters and what is open; the gateway's metrics once it has started.
pub(super) fn metrics(
    gateway: &PendingGateway,
    rejections: &RejectionCounters,
    open: OpenNow,
    headers: &HeaderMap,
) -> Response<TrackedBody> {
    let of_gateway = gateway.now().map(|gateway| gateway.metrics()).unwrap_or_default();
    let of_gateway = of_gateway.strip_suffix(END).unwrap_or(&of_gateway);
    let text = format!("{of_gateway}{}{}{END}", rejections.text(), open.text());
    let is_plain = accepts(headers, "text/plain") && !accepts(headers, "application/openmetrics-text");
    match is_plain {
        true => with_body(StatusCode::OK, PLAIN_MEDIA_TYPE, Bytes::from(plain(&text))),
        false => with_body(StatusCode::OK, METRICS_MEDIA_TYPE, Bytes::from(text)),
    }
}

/// The older Prometheus text format: names of counters end in `_total` also in `# TYPE` lines, and there are no other lines
/// with `#`.
fn plain(text: &str) -> String {
    let counters: HashSet<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter")).collect();
    let mut plain = String::with_capacity(text.len());
    for line in text.lines() {
        let told = ["# HELP ", "# TYPE "].into_iter().find_map(|mark| Some((mark, line.strip_prefix(mark)?)));
        match told.and_then(|(mark, rest)| Some((mark, rest.split_once(' ')?))) {
            Some((mark, (name, rest))) if counters.contains(name) => plain.extend([mark, name, "_total ", rest, "\n"]),
            Some(_) => plain.extend([line, "\n"]),
            None if line.starts_with('#') => {}
            None => plain.extend([line, "\n"]),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_older_form_names_counters_as_their_samples_and_has_no_other_comments() {
        let text = "# HELP runs Scripts.\n# TYPE runs counter\nruns_total{outcome=\"returned\"} 1\n\
                    # HELP run_seconds Time.\n# TYPE run_seconds histogram\n# UNIT run_seconds seconds\n\
                    run_seconds_bucket{le=\"+Inf\"} 1\n# EOF\n";
        let expected = "# HELP runs_total Scripts.\n# TYPE runs_total counter\nruns_total{outcome=\"returned\"} 1\n\
                        # HELP run_seconds Time.\n# TYPE run_seconds histogram\nrun_seconds_bucket{le=\"+Inf\"} 1\n";
        assert_eq!(plain(text), expected);
    }
}
