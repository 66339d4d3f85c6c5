//! Spans and scopes.

use std::future::Future;

use opentelemetry::trace::{FutureExt as _, Link, SpanBuilder, SpanKind, Status, TraceContextExt as _};
use opentelemetry::{Context, KeyValue, StringValue, Value, global};

use crate::{Carried, is_on};

/// Who makes the spans.
const TRACER: &str = "exuvia";
/// The longest text in a span, in bytes: some are the words of clients and servers. The rest is cut.
pub const TEXT_BYTES: usize = 256;

/// One operation. Dropped before its [end](Self::end), it ends as cancelled.
#[derive(Debug, Default)]
#[must_use = "it ends when it is dropped"]
pub struct Span {
    /// None: nobody wants to know.
    context: Option<Context>,
}

/// What further spans are below.
#[derive(Debug, Clone, Default)]
#[must_use = "it is nothing without what goes on in it"]
pub struct Scope(Option<Context>);

impl Span {
    /// Begins an operation below the scope that this runs in. `describe` gives its name and its attributes.
    pub fn begin(kind: SpanKind, describe: impl FnOnce() -> (String, Vec<KeyValue>)) -> Self {
        match is_on() {
            true => Self::below(&Context::current(), Vec::new(), kind, describe()),
            false => Self::default(),
        }
    }

    /// Begins to answer a request. `parent` is what its message brings, `transport` what the request around it does: the
    /// first of them that is there is its parent, the other is linked.
    pub fn answering(
        parent: Option<Carried>,
        transport: Option<Carried>,
        describe: impl FnOnce() -> (String, Vec<KeyValue>),
    ) -> Self {
        if !is_on() {
            return Self::default();
        }
        let (parent, link) = match (parent, transport) {
            (Some(parent), transport) => (Some(parent), transport),
            (None, transport) => (transport, None),
        };
        let below = parent.map_or_else(Context::new, |Carried(parent)| Context::new().with_remote_span_context(parent));
        let links = link.map(|Carried(context)| Link::with_context(context));
        Self::below(&below, links.into_iter().collect(), SpanKind::Server, describe())
    }

    fn below(parent: &Context, links: Vec<Link>, kind: SpanKind, (name, attributes): (String, Vec<KeyValue>)) -> Self {
        let builder = SpanBuilder::from_name(cut(name))
            .with_kind(kind)
            .with_links(links)
            .with_attributes(attributes.into_iter().map(bounded));
        let span = builder.start_with_context(&global::tracer(TRACER), parent);
        Self { context: Some(parent.with_span(span)) }
    }

    /// What is below it.
    pub fn scope(&self) -> Scope {
        Scope(self.context.clone())
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
    /// The one that this runs in.
    pub fn current() -> Self {
        Self(is_on().then(Context::current))
    }

    /// Has a future run in it.
    pub async fn over<F: Future>(self, future: F) -> F::Output {
        match self.0 {
            Some(context) => future.with_context(context).await,
            None => future.await,
        }
    }
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
