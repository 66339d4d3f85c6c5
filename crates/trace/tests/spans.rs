//! What spans come to, with the tracer provider that programs install.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::sync::{Arc, Mutex};

use exuvia_trace::{
    KeyValue, Outgoing, RemoteParent, Span, SpanKind, TEXT_BYTES, TRACEPARENT, current, note, outgoing,
};
use opentelemetry::Value;
use opentelemetry::trace::{SpanId, Status};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const OTHER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[derive(Debug, Clone, Default)]
struct Kept(Arc<Mutex<Vec<SpanData>>>);

impl SpanExporter for Kept {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.lock().unwrap().extend(batch);
        Ok(())
    }
}

impl Kept {
    fn take(&self, name: &str) -> SpanData {
        let mut spans = self.0.lock().unwrap();
        let place = spans.iter().position(|span| span.name == name).unwrap_or_else(|| panic!("{name}: {spans:?}"));
        spans.remove(place)
    }
}

fn named(name: &str) -> impl FnOnce() -> (String, Vec<KeyValue>) {
    let name = name.to_owned();
    move || (name, Vec::new())
}

fn carried(traceparent: &'static str) -> Option<RemoteParent> {
    RemoteParent::read(|key| Some(if key == TRACEPARENT { traceparent } else { "a=b" }))
}

fn log() -> tracing::Span {
    tracing::Span::none()
}

fn value<'s>(span: &'s SpanData, key: &str) -> Option<&'s Value> {
    span.attributes.iter().find(|attribute| attribute.key.as_str() == key).map(|attribute| &attribute.value)
}

/// One test, because the provider is the process's own.
#[tokio::test(flavor = "multi_thread")]
async fn spans_follow_their_scope_over_tasks_and_carry_the_trace_of_the_request() {
    // Before there is a provider, nothing is made, read or sent.
    let mut described = false;
    let span = Span::below(None, SpanKind::Client, log(), || {
        described = true;
        (String::new(), Vec::new())
    });
    span.set(|| panic!("nobody wants to know"));
    assert_eq!(span.scope().over(async { outgoing() }).await, None);
    assert!(span.place().is_none() && current().is_none());
    span.end(None);
    assert!(!described && carried(PARENT).is_none());

    let kept = Kept::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(kept.clone()).build();
    opentelemetry::global::set_tracer_provider(provider);
    opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
    exuvia_trace::turn_on();

    let server = Span::answering(carried(PARENT), carried(OTHER), log(), named("server"));
    let handed = server.place();
    let work = async {
        note(|| KeyValue::new("noted", 1));
        assert_eq!((current(), outgoing().map(|sent| sent.tracestate)), (handed.clone(), Some(Some("a=b".to_owned()))));
        // Another task knows no more than what it is handed.
        tokio::spawn(async move {
            assert_eq!(current(), None);
            let call = Span::below(handed.as_ref(), SpanKind::Client, log(), named("call"));
            let sent = call.scope().over(async { outgoing() }).await;
            call.end(Some("timeout"));
            sent
        })
        .await
    };
    let sent = server.scope().over(work).await.unwrap().unwrap();
    server.set(|| vec![KeyValue::new("long", "é".repeat(1_000))]);
    server.end(None);
    assert_eq!(outgoing(), None, "outside all spans");

    let (server, call) = (kept.take("server"), kept.take("call"));
    let trace = server.span_context.trace_id();
    assert_eq!(trace.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!((server.parent_span_id.to_string(), server.parent_span_is_remote), ("00f067aa0ba902b7".into(), true));
    assert_eq!(server.links.links[0].span_context.trace_id().to_string(), "0af7651916cd43dd8448eb211c80319c");
    assert_eq!((server.span_kind.clone(), &server.status), (SpanKind::Server, &Status::Unset));
    assert_eq!(value(&server, "noted"), Some(&Value::I64(1)));
    assert_eq!(value(&server, "long").unwrap().as_str(), "é".repeat(TEXT_BYTES / 2));
    assert_eq!((call.span_context.trace_id(), call.parent_span_id), (trace, server.span_context.span_id()));
    assert_eq!((value(&call, "error.type").unwrap().as_str(), &call.status), ("timeout".into(), &Status::error("")));
    let traceparent = format!("00-{trace}-{}-01", call.span_context.span_id());
    assert_eq!(sent, Outgoing { traceparent, tracestate: Some("a=b".to_owned()) });
    assert!(!call.parent_span_is_remote);

    // What only the transport says is the parent; what can be no parent is none; what is dropped was cancelled.
    Span::answering(None, carried(OTHER), log(), named("transport")).end(None);
    let transport = kept.take("transport");
    assert_eq!((transport.parent_span_id.to_string(), transport.links.links.len()), ("b7ad6b7169203331".into(), 0));
    for nonsense in ["", "00-4bf9", "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"] {
        assert!(carried(nonsense).is_none(), "{nonsense}");
    }
    assert!(carried(Box::leak(format!("{PARENT}-{}", "x".repeat(600)).into_boxed_str())).is_none());
    drop(Span::answering(None, None, log(), named(&"x".repeat(1_000))));
    let dropped = kept.take(&"x".repeat(TEXT_BYTES));
    assert_eq!(value(&dropped, "error.type").unwrap().as_str(), "cancelled");
    assert_eq!(dropped.parent_span_id, SpanId::INVALID);
}
