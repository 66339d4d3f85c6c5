//! Spans and scopes.

use std::future::Future;
use std::str::FromStr as _;

use exuvia_tool::TraceContext;
use opentelemetry::trace::{
    FutureExt as _, Link, SpanBuilder, SpanContext, SpanId, SpanKind, Status, TraceContextExt as _, TraceFlags,
    TraceId, TraceState,
};
use opentelemetry::{Context, KeyValue, StringValue, Value, global};
use tracing::Instrument as _;

use crate::{RemoteParent, is_on};

/// Who makes the spans.
const TRACER: &str = "exuvia";
/// The longest text in a span, in bytes: some are the words of clients and servers. The rest is cut.
pub const TEXT_BYTES: usize = 256;

/// One operation: its span for a collector, and the fields that the log has of what goes on in it. Dropped before its
/// [end](Self::end), it ends as cancelled.
#[derive(Debug)]
#[must_use = "it ends when it is dropped"]
pub struct Span {
    /// None: no collector.
    context: Option<Context>,
    log: tracing::Span,
}

/// What further spans are below, and the fields of the log.
#[derive(Debug, Clone)]
#[must_use = "a scope has no effect unless an operation runs in it"]
pub struct Scope {
    context: Option<Context>,
    log: tracing::Span,
}

impl Span {
    /// Begins an operation below a place in a trace, or a trace of its own. `log` has its fields in the log, and may be none;
    /// `describe` gives its name and its attributes for a collector.
    pub fn below(
        above: Option<&TraceContext>,
        kind: SpanKind,
        log: tracing::Span,
        describe: impl FnOnce() -> (String, Vec<KeyValue>),
    ) -> Self {
        if !is_on() {
            return Self { context: None, log };
        }
        let above = above.map_or_else(Context::new, |above| Context::new().with_remote_span_context(local(above)));
        Self { context: Some(begun(&above, Vec::new(), kind, describe())), log }
    }

    /// Begins to answer a request. `parent` is what its message brings, `transport` what the request around it does: the
    /// first of them that is there is its parent, the other is linked.
    pub fn answering(
        parent: Option<RemoteParent>,
        transport: Option<RemoteParent>,
        log: tracing::Span,
        describe: impl FnOnce() -> (String, Vec<KeyValue>),
    ) -> Self {
        if !is_on() {
            return Self { context: None, log };
        }
        let (parent, link) = match (parent, transport) {
            (Some(parent), transport) => (Some(parent), transport),
            (None, transport) => (transport, None),
        };
        let above =
            parent.map_or_else(Context::new, |RemoteParent(parent)| Context::new().with_remote_span_context(parent));
        let links = link.map(|RemoteParent(context)| Link::with_context(context));
        Self { context: Some(begun(&above, links.into_iter().collect(), SpanKind::Server, describe())), log }
    }

    /// Its place in its trace, for the tasks and crates that do a part of it. None: no collector.
    #[must_use]
    pub fn place(&self) -> Option<TraceContext> {
        self.context.as_ref().and_then(place)
    }

    /// The fields that the log has of it.
    #[must_use]
    pub fn log(&self) -> &tracing::Span {
        &self.log
    }

    /// What is below it.
    pub fn scope(&self) -> Scope {
        Scope { context: self.context.clone(), log: self.log.clone() }
    }

    /// Says more of it.
    pub fn set(&self, attributes: impl FnOnce() -> Vec<KeyValue>) {
        if let Some(context) = &self.context {
            context.span().set_attributes(attributes().into_iter().map(bounded));
        }
    }

    /// Ends it, with the kind of error that it ended with, if one did.
    pub fn end(mut self, error: Option<&str>) {
        self.finish(error);
    }

    fn finish(&mut self, error: Option<&str>) {
        let Some(context) = self.context.take() else { return };
        let span = context.span();
        if let Some(error) = error {
            span.set_attribute(bounded(KeyValue::new("error.type", error.to_owned())));
            span.set_status(Status::error(""));
        }
        span.end();
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        self.finish(Some("cancelled"));
    }
}

impl Scope {
    /// Has a future run in it.
    pub async fn over<F: Future>(self, future: F) -> F::Output {
        let future = future.instrument(self.log);
        match self.context {
            Some(context) => future.with_context(context).await,
            None => future.await,
        }
    }
}

/// The place in a trace of the operation that this runs in.
#[must_use]
pub fn current() -> Option<TraceContext> {
    if is_on() { Context::map_current(place) } else { None }
}

fn begun(above: &Context, links: Vec<Link>, kind: SpanKind, described: (String, Vec<KeyValue>)) -> Context {
    let (name, attributes) = described;
    let builder = SpanBuilder::from_name(cut(name))
        .with_kind(kind)
        .with_links(links)
        .with_attributes(attributes.into_iter().map(bounded));
    above.with_span(builder.start_with_context(&global::tracer(TRACER), above))
}

fn place(context: &Context) -> Option<TraceContext> {
    let span = context.span();
    let context = span.span_context();
    let state = context.trace_state().header();
    context.is_valid().then(|| TraceContext {
        trace_id: context.trace_id().to_bytes(),
        span_id: context.span_id().to_bytes(),
        flags: context.trace_flags().to_u8(),
        state: (!state.is_empty()).then(|| state.into()),
    })
}

/// A place in a trace that this process has part in.
fn local(place: &TraceContext) -> SpanContext {
    // It was written by `place`.
    let state = place.state.as_deref().and_then(|state| TraceState::from_str(state).ok()).unwrap_or_default();
    let (trace, span) = (TraceId::from_bytes(place.trace_id), SpanId::from_bytes(place.span_id));
    SpanContext::new(trace, span, TraceFlags::new(place.flags), false, state)
}

/// Says more of the operation that this runs in.
pub fn note(attribute: impl FnOnce() -> KeyValue) {
    if is_on() {
        Context::map_current(|context| context.span().set_attribute(bounded(attribute())));
    }
}

fn bounded(attribute: KeyValue) -> KeyValue {
    match attribute.value {
        Value::String(text) if text.as_str().len() > TEXT_BYTES => {
            KeyValue::new(attribute.key, StringValue::from(cut(text.as_str().to_owned())))
        }
        value => KeyValue::new(attribute.key, value),
    }
}

fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(TEXT_BYTES));
    text
}
