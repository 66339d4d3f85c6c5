//! The trace context that is sent to a server.

use exuvia_trace::{KeyValue, TRACEPARENT, TRACESTATE, note, outgoing};
use http::{HeaderName, HeaderValue};
use rmcp::model::{ClientJsonRpcMessage, ClientRequest, GetMeta as _, JsonRpcMessage};

/// Has a request say which trace it belongs to (SEP-414).
pub(crate) fn tell(request: &mut ClientRequest) {
    let Some(trace) = outgoing() else { return };
    let meta = &mut request.get_meta_mut().0;
    meta.set_traceparent(trace.traceparent);
    if let Some(tracestate) = trace.tracestate {
        meta.set_tracestate(tracestate);
    }
}

/// The request is sent under this id.
pub(crate) fn sent(id: Option<i64>) {
    if let Some(id) = id {
        note(|| KeyValue::new("jsonrpc.request.id", id.to_string()));
    }
}

/// The same for what is in the way of a message over HTTP.
pub(crate) fn headers(message: &ClientJsonRpcMessage) -> Vec<(HeaderName, HeaderValue)> {
    let JsonRpcMessage::Request(request) = message else { return Vec::new() };
    let meta = &request.request.get_meta().0;
    let told = [(TRACEPARENT, meta.get_traceparent()), (TRACESTATE, meta.get_tracestate())];
    let header = |(name, value): (&'static str, Option<&str>)| {
        Some((HeaderName::from_static(name), HeaderValue::from_str(value?).ok()?))
    };
    told.into_iter().filter_map(header).collect()
}
