//! Spans for OpenTelemetry, and the trace context that travels with requests.
//!
//! The crates that serve, run and call say here what they do; where that goes is decided by the program alone, which
//! installs a tracer provider and a propagator and then calls [`turn_on`]. Until then nothing here allocates, formats or
//! locks anything.
//!
//! - A [`Span`] is one operation, from its beginning to its end.
//! - A [`Scope`] is what further spans are below: it follows a future from thread to thread, and is handed over by whoever
//!   moves work to another task.
//! - [`Carried`] is what a request brings of its sender's trace, [`outgoing`] what a request takes along.
//!
//! ```
//! use exuvia_trace::{KeyValue, Span, SpanKind};
//!
//! # async fn dispatch() -> Result<(), &'static str> { Ok(()) }
//! # async fn example() {
//! let span = Span::begin(SpanKind::Client, || ("tools/call add".to_owned(), vec![KeyValue::new("gen_ai.tool.name", "add")]));
//! let outcome = span.scope().over(dispatch()).await;
//! span.end(outcome.err());
//! # }
//! ```
//!
//! What a span says comes from names and outcomes. Arguments and results never go into one.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by a panic"))]

mod carried;
mod span;

use std::sync::atomic::{AtomicBool, Ordering};

pub use carried::{Carried, Outgoing, TRACEPARENT, TRACESTATE, outgoing};
pub use opentelemetry::KeyValue;
pub use opentelemetry::trace::SpanKind;
pub use span::{Scope, Span, TEXT_BYTES, note};

static ON: AtomicBool = AtomicBool::new(false);

/// From now on spans are made, with the tracer provider and the propagator that are installed globally in `opentelemetry`.
pub fn turn_on() {
    ON.store(true, Ordering::Release);
}

/// Whether they are.
#[must_use]
pub fn is_on() -> bool {
    ON.load(Ordering::Acquire)
}
