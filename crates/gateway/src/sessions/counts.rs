//! What is counted of sessions, for operators.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

/// Why an interpreter was given up.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Evicted {
    /// Another session took its place.
    Warm,
    /// Its memory was needed.
    Memory,
    /// It was not used.
    Idle,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct EvictedLabels {
    reason: &'static str,
}

/// Counts since the start of the process.
#[derive(Debug, Clone, Default)]
pub(crate) struct SessionCounts {
    /// Sessions that were brought back.
    pub(crate) revived: Counter,
    /// The fuel that was charged for that.
    pub(crate) revival_fuel: Counter,
    /// Sessions that could not be brought back.
    pub(crate) lost: Counter,
    /// Interpreters that were given up.
    pub(crate) evicted: Family<EvictedLabels, Counter>,
}

impl SessionCounts {
    pub(super) fn evicted(&self, reason: Evicted, interpreters: usize) {
        let reason = match reason {
            Evicted::Warm => "warm",
            Evicted::Memory => "memory",
            Evicted::Idle => "idle",
        };
        self.evicted.get_or_create(&EvictedLabels { reason }).inc_by(interpreters as u64);
    }
}
