//! The span of a run.

use std::future::Future;

use exuvia_runtime::{Outcome, Report};
use exuvia_tool::{RunId, TraceContext};
use exuvia_trace::{KeyValue, Span, SpanKind};

/// Begins the span of a run, below the request that asks for it.
pub(crate) fn begin(run: &RunId, above: Option<&TraceContext>) -> Span {
    let log = tracing::info_span!("run", run.id = %run);
    let describe = || ("run".to_owned(), vec![KeyValue::new("exuvia.run.id", run.to_string())]);
    Span::below(above, SpanKind::Internal, log, describe)
}

/// Executes the run in it.
pub(crate) async fn over(span: Span, execution: impl Future<Output = Report>) -> Report {
    let report = span.scope().over(execution).await;
    let outcome = report.outcome.name();
    let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    span.set(|| {
        vec![
            KeyValue::new("exuvia.run.outcome", outcome),
            KeyValue::new("exuvia.run.fuel", count(report.usage.fuel)),
            KeyValue::new("exuvia.run.tool_calls", count(report.usage.tool_calls)),
        ]
    });
    span.end((!matches!(report.outcome, Outcome::Returned(_))).then_some(outcome));
    report
}
