//! The trace context of the W3C, as requests carry it.

use opentelemetry::propagation::{Extractor, Injector};
use opentelemetry::trace::{SpanContext, TraceContextExt as _};
use opentelemetry::{Context, global};

use crate::is_on;

/// The header, and the key in `_meta`, that name a trace and a span of it.
pub const TRACEPARENT: &str = "traceparent";
/// The header, and the key in `_meta`, for what tracing systems tell each other.
pub const TRACESTATE: &str = "tracestate";
/// The longest value of either that is read, in bytes. The W3C wants 512 to be passed on.
const VALUE_BYTES: usize = 512;

/// What a request brings of its sender's trace.
#[derive(Debug, Clone)]
pub struct RemoteParent(pub(crate) SpanContext);

/// What a request takes along.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outgoing {
    /// For [`TRACEPARENT`].
    pub traceparent: String,
    /// For [`TRACESTATE`], if there is something.
    pub tracestate: Option<String>,
}

impl RemoteParent {
    /// Reads what a lookup by [`TRACEPARENT`] and [`TRACESTATE`] finds. None where that is nothing, or nothing that can be
    /// used.
    pub fn read<'a>(find: impl Fn(&str) -> Option<&'a str>) -> Option<Self> {
        if !is_on() {
            return None;
        }
        let find = |key| find(key).filter(|value| value.len() <= VALUE_BYTES);
        let found = Lookup { traceparent: Some(find(TRACEPARENT)?), tracestate: find(TRACESTATE) };
        let context = global::get_text_map_propagator(|way| way.extract_with_context(&Context::new(), &found));
        let context = context.span().span_context().clone();
        context.is_valid().then_some(Self(context))
    }
}

/// What a request that is sent now takes along. None outside all spans.
#[must_use]
pub fn outgoing() -> Option<Outgoing> {
    if !is_on() {
        return None;
    }
    let mut outgoing = Outgoing::default();
    global::get_text_map_propagator(|way| way.inject_context(&Context::current(), &mut outgoing));
    (!outgoing.traceparent.is_empty()).then_some(outgoing)
}

struct Lookup<'a> {
    traceparent: Option<&'a str>,
    tracestate: Option<&'a str>,
}

impl Extractor for Lookup<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        match key {
            TRACEPARENT => self.traceparent,
            TRACESTATE => self.tracestate,
            _ => None,
        }
    }

    fn keys(&self) -> Vec<&str> {
        vec![TRACEPARENT, TRACESTATE]
    }
}

impl Injector for Outgoing {
    fn set(&mut self, key: &str, value: String) {
        match key {
            TRACEPARENT => self.traceparent = value,
            TRACESTATE => self.tracestate = Some(value).filter(|value| !value.is_empty()),
            _ => {}
        }
    }
}
