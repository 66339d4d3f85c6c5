//! Spans for OpenTelemetry and for the log, and the trace context that travels with requests.
//!
//! The crates that serve, run and call say here what they do; where that goes is decided by the program alone, which
//! installs a tracer provider and a propagator and then calls [`turn_on`]. Until then nothing here allocates, formats or
//! locks anything but for the fields of the log.
//!
//! - A [`Span`] is one operation, from its beginning to its end: for the collector, and with its fields for the log.
//! - A [`Scope`] is what goes on in it: it follows a future from thread to thread.
//! - Its [place](Span::place) is what is handed to whoever does a part of it, in another task or crate: in a `CallContext`.
//! - [`RemoteParent`] is what a request brings of its sender's trace, [`outgoing`] what a request takes along.
//!
//! ```
//! use exuvia_trace::{KeyValue, Span, SpanKind};
//!
//! # async fn dispatch() -> Result<(), &'static str> { Ok(()) }
//! # async fn example(context: exuvia_tool::CallContext) {
//! let log = tracing::info_span!("call", tool.name = "add");
//! let span = Span::below(context.trace.as_ref(), SpanKind::Client, log, || {
//!     ("tools/call add".to_owned(), vec![KeyValue::new("gen_ai.tool.name", "add")])
//! });
//! let outcome = span.scope().over(dispatch()).await;
//! span.end(outcome.err());
//! # }
//! ```
//!
//! What a span says comes from names and outcomes. Arguments and results never go into one, but for the addresses of resources, which the program
//! [may redact](redact_by).

mod context;
mod span;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

pub use context::{Outgoing, RemoteParent, TRACEPARENT, TRACESTATE, outgoing};
pub use opentelemetry::KeyValue;
pub use opentelemetry::trace::SpanKind;
pub use span::{Scope, Span, TEXT_BYTES, current, note};

static ON: AtomicBool = AtomicBool::new(false);

/// From now on spans are made, with the tracer provider and the propagator that are installed globally in `opentelemetry`.
pub fn turn_on() {
    ON.store(true, Ordering::Release);
}

/// What a text is shown as, by the name of the member that it stands for.
type Redact = Box<dyn Fn(&str, &str) -> String + Send + Sync>;

static REDACT: OnceLock<Redact> = OnceLock::new();

/// Has content [pass through this](redacted) before it goes into a span: its name and text, before it is truncated. The first one counts.
pub fn redact_by(redact: impl Fn(&str, &str) -> String + Send + Sync + 'static) {
    let _ = REDACT.set(Box::new(redact));
}

/// What somebody has written, as it may stand in a span. `name`: that of the member that it was in.
#[must_use]
pub fn redacted(name: &str, text: &str) -> String {
    REDACT.get().map_or_else(|| text.to_owned(), |redact| redact(name, text))
}

/// Whether they are.
#[must_use]
pub fn is_on() -> bool {
    ON.load(Ordering::Acquire)
}
