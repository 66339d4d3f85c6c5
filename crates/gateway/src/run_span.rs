//! The span of a run.

use std::future::Future;

use exuvia_runtime::{Outcome, Report};
use exuvia_tool::{Principal, RunId, TraceContext};
use exuvia_trace::{KeyValue, Span, SpanKind};

/// Begins the span of a run, below the request that asks for it.
pub(crate) fn begin(run: &RunId, principal: &Principal, above: Option<&TraceContext>) -> Span {
    let log = tracing::info_span!("run", run.id = %run, %principal);
    let describe = || {
        let attributes = vec![
            KeyValue::new("exuvia.run.id", run.to_string()),
            KeyValue::new("exuvia.principal", principal.to_string()),
        ];
        ("run".to_owned(), attributes)
    };
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
