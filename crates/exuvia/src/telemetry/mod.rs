//! OpenTelemetry: spans to a collector, by OTLP over HTTP.
//!
//! Where `[telemetry]` and the variables of OpenTelemetry name none, nothing is installed and no span is made. The SDK queues
//! spans (`OTEL_BSP_MAX_QUEUE_SIZE`, 2,048; more are dropped, with a warning) and sends them from a thread of its own.

mod exporter;
mod sender;

use std::env;
use std::time::Duration;

use anyhow::{Context as _, Result};
use exuvia_config::Collector;
use exuvia_policy::Redaction;
use opentelemetry::{Key, KeyValue, global};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;

use exporter::RateLimitedExporter;
use sender::Sender;

/// What the environment may say.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
const PROTOCOLS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];
const SPOKEN: &str = "http/protobuf";
/// How long the last spans may take.
const FLUSH: Duration = Duration::from_secs(3);

/// What sends spans, while it lives.
pub(crate) struct Telemetry {
    provider: Option<SdkTracerProvider>,
}

impl Telemetry {
    /// Sends spans to the collector at this address, or else where the environment says; without either, nowhere. What content there is in them
    /// is redacted.
    ///
    /// Must run on the tokio runtime that is to do the sending.
    ///
    /// # Errors
    ///
    /// The variables of OpenTelemetry hold what cannot be used.
    pub(crate) fn start(collector: Option<&Collector>, redaction: &Redaction) -> Result<Self> {
        let Some(exporter) = exporter(collector)? else { return Ok(Self { provider: None }) };
        if let Some(protocol) = PROTOCOLS.iter().find_map(|name| env::var(name).ok()).filter(|name| name != SPOKEN) {
            tracing::warn!(protocol, "unsupported OTLP protocol; http/protobuf is used");
        }
        let provider = SdkTracerProvider::builder()
            .with_resource(resource())
            .with_batch_exporter(RateLimitedExporter::new(exporter))
            .build();
        global::set_tracer_provider(provider.clone());
        global::set_text_map_propagator(TraceContextPropagator::new());
        let redaction = redaction.clone();
        exuvia_trace::redact_by(move |name, text| redaction.member(name, text));
        exuvia_trace::turn_on();
        Ok(Self { provider: Some(provider) })
    }

    /// Whether spans could be sent so. Sends none.
    ///
    /// # Errors
    ///
    /// Those of [`start`](Self::start).
    pub(crate) fn check(collector: Option<&Collector>) -> Result<()> {
        exporter(collector).map(drop)
    }

    /// Sends what is left, for a while.
    pub(crate) async fn finish(self) {
        let Some(provider) = self.provider else { return };
        // It waits for the thread that sends.
        let flushed = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(FLUSH)).await;
        if let Ok(Err(error)) = flushed {
            tracing::warn!(%error, "trace export at shutdown failed");
        }
    }
}

/// What sends spans, if they are sent anywhere.
fn exporter(collector: Option<&Collector>) -> Result<Option<SpanExporter>> {
    if is_off() || (collector.is_none() && !ENDPOINTS.iter().any(|name| is_set(name))) {
        return Ok(None);
    }
    let mut builder = SpanExporter::builder().with_http().with_http_client(Sender::new()?);
    if let Some(Collector(otlp)) = collector {
        builder = builder.with_endpoint(format!("{}/v1/traces", otlp.trim_end_matches('/')));
    }
    Ok(Some(builder.build().context("telemetry")?))
}

fn is_off() -> bool {
    let is = |name: &str, word: &str| env::var(name).is_ok_and(|value| value.eq_ignore_ascii_case(word));
    is("OTEL_SDK_DISABLED", "true") || is("OTEL_TRACES_EXPORTER", "none")
}

fn is_set(name: &str) -> bool {
    env::var_os(name).is_some_and(|value| !value.is_empty())
}

/// Who sends: what `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_SERVICE_NAME` say, else this program.
fn resource() -> Resource {
    const NAME: Key = Key::from_static_str("service.name");
    let builder = || Resource::builder().with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
    let resource = builder().build();
    let is_named = resource.get(&NAME).is_some_and(|name| !name.as_str().starts_with("unknown_service"));
    if is_named { resource } else { builder().with_service_name("exuvia").build() }
}
