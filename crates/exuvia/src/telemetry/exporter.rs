//! A span exporter that logs its failures at a limited rate.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

/// The time between two warnings.
const PAUSE: Duration = Duration::from_secs(60);

/// Sends spans, and warns at most once in a while of those that are lost.
#[derive(Debug)]
pub(super) struct RateLimitedExporter<E> {
    exporter: E,
    losses: Mutex<LossCounter>,
}

#[derive(Debug, Default)]
struct LossCounter {
    /// Not logged yet.
    spans: usize,
    told: Option<Instant>,
}

impl<E> RateLimitedExporter<E> {
    pub(super) fn new(exporter: E) -> Self {
        Self { exporter, losses: Mutex::default() }
    }
}

impl LossCounter {
    /// Counts lost spans. Returns how many to log, if it is time to.
    fn add(&mut self, spans: usize, now: Instant) -> Option<usize> {
        self.spans += spans;
        if self.told.is_some_and(|told| now.duration_since(told) < PAUSE) {
            return None;
        }
        self.told = Some(now);
        Some(std::mem::take(&mut self.spans))
    }
}

impl<E: SpanExporter> SpanExporter for RateLimitedExporter<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let result = self.exporter.export(batch).await;
        if let Err(error) = result {
            let lost = self.losses.lock().unwrap_or_else(PoisonError::into_inner).add(spans, Instant::now());
            if let Some(lost) = lost {
                tracing::warn!(%error, lost, "trace export failed");
            }
        }
        // The SDK would log an error again each time.
        Ok(())
    }

    fn shutdown(&self) -> OTelSdkResult {
        self.exporter.shutdown()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_logged_at_once_and_then_summed_at_intervals() {
        let (mut losses, begun) = (LossCounter::default(), Instant::now());
        assert_eq!(losses.add(3, begun), Some(3));
        assert_eq!(losses.add(2, begun + PAUSE / 3), None);
        assert_eq!(losses.add(4, begun + PAUSE / 2), None);
        assert_eq!(losses.add(1, begun + PAUSE), Some(7));
    }
}
